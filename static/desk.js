// The seat: drafts kept a moment after each change, active time, keys, trouble said in words.
//
// A kind's template draws [data-kind] and may say two things of it: data-complete ("true" once it is answered) and data-best (the
// letters of the best answers so far, for what is asked of them next). Its script hears on that element
//   desk:key    a key that nobody is typing (detail: the KeyboardEvent); preventDefault() takes it
//   desk:turn   Enter was pressed elsewhere and this question is the next one that wants an answer
// and sends desk:best when data-best changes, desk:drawn when it has drawn texts anew. Whatever has data-key="x" is pressed by that key, unless a kind has taken it.
const PAUSE = 1000; // ms without a change before the draft is sent
const AGAIN = 5000; // ms before a draft that did not arrive is sent again
const IDLE = 60; // s without a sign of life after which time is not counted

const form = () => document.getElementById("answer");
const field = (name) => form().elements.namedItem(name);
const place = (id) => document.getElementById(id);

// Drafts ----------------------------------------------------------------------------------------------------------------------

let dirty = false;
let stopped = false; // the seat is lost, or another tab has changed it and nobody has said yet which version stays
let timer = 0;
let saving = Promise.resolve();

function say(text) {
  if (place("saved")) place("saved").textContent = text;
}

function trouble(text) {
  if (!place("trouble")) return;
  place("trouble").textContent = text;
  place("trouble").hidden = !text;
}

function changed() {
  if (stopped || !form().dataset.draft) return;
  dirty = true;
  clearTimeout(timer);
  timer = setTimeout(save, PAUSE);
}

// `leaving`: the request must outlive the page; browsers allow that up to 64 KB.
function save(leaving = false) {
  if (dirty && !stopped && form()?.dataset.draft) saving = saving.then(() => send(leaving));
  return saving;
}

async function send(leaving) {
  const sent = form();
  if (!dirty || stopped || !sent) return;
  clearTimeout(timer);
  dirty = false;
  stamp();
  say(sent.dataset.saving);
  try {
    await told(await fetch(sent.dataset.draft, { method: "POST", body: new FormData(sent), keepalive: leaving }), sent);
  } catch {
    if (sent !== form()) return; // another question has come meanwhile
    dirty = true;
    say(sent.dataset.unsaved);
    keep();
    timer = setTimeout(save, AGAIN);
  }
}

async function told(answer, sent) {
  if (answer.redirected || ![200, 409, 422].includes(answer.status)) throw new Error(`draft answered ${answer.status}`);
  const words = await answer.json();
  if (sent !== form()) return;
  if (answer.ok) {
    field("based_on").value = words.based_on;
    say(`${sent.dataset.saved} ${words.saved}`);
    forget();
  } else {
    stopped = answer.status === 409;
    say("");
    "based_on" in words ? elsewhere(words) : trouble(words.error);
  }
}

// Another tab or device has saved since this page last read or saved: the rater says which version stays.
function elsewhere(words) {
  const notice = place("elsewhere");
  notice.querySelector("span").textContent = words.error;
  notice.dataset.basedOn = words.based_on;
  notice.hidden = false;
}

function takeTheirs() {
  dirty = false;
  forget();
  location.reload();
}

function keepMine() {
  field("based_on").value = place("elsewhere").dataset.basedOn;
  place("elsewhere").hidden = true;
  stopped = false;
  changed();
  save();
}

// What could not be sent is kept by this browser, so that even a closed tab loses nothing; it goes when the server has it.
const shelf = () => `draft ${field("key").value}`;

function keep() {
  const entries = [...new FormData(form())].filter(([name]) => name !== "csrfmiddlewaretoken");
  localStorage.setItem(shelf(), JSON.stringify(entries));
}

function forget() {
  if (form()?.dataset.draft) localStorage.removeItem(shelf());
}

function restore() {
  const kept = form().dataset.draft && localStorage.getItem(shelf());
  if (!kept) return;
  const entries = new Map(JSON.parse(kept));
  if (entries.get("based_on") !== field("based_on").value) return forget(); // the server has newer words
  for (const element of form().elements) {
    if (!element.name || element.name === "csrfmiddlewaretoken") continue;
    if (element.matches("[type=radio], [type=checkbox]")) element.checked = entries.get(element.name) === element.value;
    else element.value = entries.get(element.name) ?? "";
  }
  say(form().dataset.restored);
  changed();
}

// Active time -----------------------------------------------------------------------------------------------------------------

let counted = 0; // s, up to `last`
let last = null; // ms, the last sign of life; null while the page is not in view

function seconds() {
  return counted + (last === null ? 0 : Math.min((performance.now() - last) / 1000, IDLE));
}

function alive() {
  counted = seconds();
  last = performance.now();
}

function away() {
  counted = seconds();
  last = null;
}

function watchTime() {
  counted = Number(field("seconds").value) || 0;
  last = document.visibilityState === "visible" ? performance.now() : null;
  tick();
}

function stamp() {
  field("seconds").value = seconds().toFixed(1);
}

function tick() {
  if (!form() || !place("clock")) return;
  const whole = Math.floor(seconds());
  place("clock").textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

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
  if (event.key === "Escape" && event.target.matches("textarea, input")) return event.target.blur();
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
  else if ("take" in button.dataset) takeTheirs();
  else if ("keep" in button.dataset) keepMine();
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

function begin() {
  if (!form()) return;
  stopped = false;
  dirty = false;
  watchTime();
  restore();
  openToKeys();
}

function arrive() {
  begin();
  if (!form()) return;
  const drawer = document.querySelector("[data-drawer]");
  if (drawer && reading) drawer.open = true;
  const told = document.querySelector("[data-errors]") ?? document.querySelector("[data-heading]");
  if (!document.activeElement?.matches("textarea")) told?.focus({ preventScroll: true });
}

for (const happened of ["input", "change"]) {
  document.addEventListener(happened, (event) => {
    if (event.target.form === form() && form()) changed();
  });
}
for (const sign of ["pointermove", "pointerdown", "wheel", "scroll", "touchmove"]) {
  document.addEventListener(sign, alive, { passive: true, capture: true });
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") return alive();
  away();
  save(true);
});
window.addEventListener("pagehide", () => save(true));
window.addEventListener("resize", openToKeys);
document.addEventListener("desk:drawn", openToKeys);
setInterval(tick, 1000);

// An answer follows the draft that is on its way, so that the server finds it based on that one.
document.body.addEventListener("htmx:confirm", (event) => {
  if (event.target !== form()) return;
  event.preventDefault();
  clearTimeout(timer);
  const sent = form();
  saving.then(() => sent === form() && event.detail.issueRequest());
});
document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.target !== form()) return;
  clearTimeout(timer);
  stamp();
  trouble("");
  event.detail.parameters.set("seconds", field("seconds").value);
  event.detail.parameters.set("based_on", field("based_on").value);
});
// An answer that arrived leaves nothing to keep; one that did not leaves all of it.
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.target !== form()) return;
  dirty = false;
  forget();
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status !== 409) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.body.addEventListener(failure, () => form() && trouble(form().dataset.unsent));
}
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "question") arrive();
});

begin();
