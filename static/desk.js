// The seat: its keys, its guidelines, and what happens when an answer is sent. Drafts are in drafts.js, active time in clock.js.
//
// A kind's template draws [data-kind] and may say two things of it: data-complete ("true" once it is answered) and data-best (the
// letters of the best answers so far, for what is asked of them next). Its script hears on that element
//   desk:key    a key that nobody is typing (detail: the KeyboardEvent); preventDefault() takes it
//   desk:turn   Enter was pressed elsewhere and this question is the next one that wants an answer
// and sends desk:best when data-best changes, desk:drawn when it has drawn texts anew. Whatever has data-key="x" is pressed by that
// key, unless a kind has taken it.
import { field, form, place } from "./answer.js";
import { alive, away, stamp, tick, watchTime } from "./clock.js";
import * as drafts from "./drafts.js";

// Keys ------------------------------------------------------------------------------------------------------------------------

const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";
const PRESSED = "button, a, summary"; // Enter and Space are theirs
const SCROLLED = "[data-drawer], pre, table, [data-shown]"; // and the arrows are theirs

const questions = () => [...form().querySelectorAll("[data-kind]")];
const unanswered = () => questions().find((question) => question.dataset.complete === "false");
const at = (element) => element.closest("[data-kind]");

function tell(question, name, detail = null) {
  return question.dispatchEvent(new CustomEvent(name, { detail, cancelable: true }));
}

function enter(target) {
  const next = unanswered();
  if (!next) form().requestSubmit();
  else if (next !== at(target)) tell(next, "desk:turn");
}

function press(element) {
  element.click();
  const fold = element.closest("details");
  if (fold?.open && element.matches("summary")) fold.querySelector("textarea, input:not([type=hidden]), select, [tabindex]")?.focus();
}

function key(event) {
  if (event.target.matches?.(PRESSED) && ["Enter", " "].includes(event.key)) return false;
  if (event.target.closest?.(SCROLLED) && event.key.startsWith("Arrow")) return false;
  if (event.key === "Enter") {
    if (!event.repeat) enter(event.target);
    return true;
  }
  if (!tell(at(event.target) ?? questions()[0], "desk:key", event)) return true;
  const name = event.key.toLowerCase();
  if (name.length > 1 || /["\\]/.test(name)) return false;
  const pressed = document.querySelector(`[data-key="${name}"]`);
  if (pressed) press(pressed);
  return Boolean(pressed);
}

function help() {
  const list = place("keys");
  if (list) list.open ? list.close() : list.showModal();
}

document.addEventListener("keydown", (event) => {
  alive();
  if (!form() || event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (!event.repeat) form().requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target.matches("textarea, input, select")) return event.target.blur();
  if (event.target.closest?.(TYPING)) return;
  if (event.key === "?") help();
  else if (document.querySelector("dialog[open]") || !key(event)) return;
  event.preventDefault();
});

// Guidelines and the prompt ---------------------------------------------------------------------------------------------------

// Whoever reads the guidelines beside one question goes on doing so beside the next.
let reading = false;

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("[data-drawer]")) reading = event.target.open;
  if (form()) openToKeys();
}, true);

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !form()) return;
  if ("closeDrawer" in button.dataset) button.closest("details").open = false;
  else if ("take" in button.dataset) drafts.takeTheirs();
  else if ("keep" in button.dataset) drafts.keepMine();
  else if (button.dataset.key === "?") help();
});

// Code and tables wider than their place are scrolled by whoever has no mouse, too.
function openToKeys() {
  for (const box of document.querySelectorAll(".prose pre, .prose table, .prose p:has(math)")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

// The page --------------------------------------------------------------------------------------------------------------------

function start() {
  if (!form()) return;
  watchTime();
  drafts.begin();
  openToKeys();
}

function arrive() {
  start();
  if (!form()) return;
  const drawer = document.querySelector("[data-drawer]");
  if (drawer && reading) drawer.open = true;
  const told = document.querySelector("[data-errors]") ?? document.querySelector("[data-heading]");
  if (!document.activeElement?.matches("textarea")) told?.focus({ preventScroll: true });
}

for (const happened of ["input", "change"]) {
  document.addEventListener(happened, (event) => {
    if (event.target.form === form() && form()) drafts.changed();
  });
}
for (const sign of ["pointermove", "pointerdown", "wheel", "scroll", "touchmove"]) {
  document.addEventListener(sign, alive, { passive: true, capture: true });
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") return alive();
  away();
  drafts.save(true);
});
window.addEventListener("pagehide", () => drafts.save(true));
window.addEventListener("resize", openToKeys);
document.addEventListener("desk:drawn", openToKeys);
setInterval(tick, 1000);

document.addEventListener("submit", (event) => {
  if (event.target === form()) stamp();
}, true);

// An answer follows the draft that is on its way, so that the server finds it based on that one.
document.body.addEventListener("htmx:confirm", (event) => {
  if (event.target !== form()) return;
  event.preventDefault();
  const sent = form();
  drafts.onItsWay().then(() => sent === form() && event.detail.issueRequest());
});
document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.target !== form()) return;
  stamp();
  drafts.trouble("");
  event.detail.parameters.set("seconds", field("seconds").value);
  event.detail.parameters.set("based_on", field("based_on").value);
});
// An answer that arrived leaves nothing to keep; one that did not leaves all of it.
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.target === form()) drafts.arrived();
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status !== 409) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.body.addEventListener(failure, () => form() && drafts.trouble(form().dataset.unsent));
}
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "question") arrive();
});

start();
