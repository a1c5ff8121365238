// Drafts: sent a moment after each change, kept by the browser while they cannot be sent, and never over a newer one unasked.
import { field, form, place } from "./answer.js";
import { stamp } from "./clock.js";

const PAUSE = 1000; // ms without a change before the draft is sent
const AGAIN = 5000; // ms before a draft that did not arrive is sent again

let dirty = false;
let stopped = false; // the seat is lost, or another tab has changed it and nobody has said yet which version stays
let timer = 0;
let saving = Promise.resolve();

function say(text) {
  if (place("saved")) place("saved").textContent = text;
}

export function trouble(text) {
  if (!place("trouble")) return;
  place("trouble").textContent = text;
  place("trouble").hidden = !text;
}

export function changed() {
  if (stopped || !form().dataset.draft) return;
  dirty = true;
  clearTimeout(timer);
  timer = setTimeout(save, PAUSE);
}

// `leaving`: the request must outlive the page; browsers allow that up to 64 KB.
export function save(leaving = false) {
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

export function takeTheirs() {
  dirty = false;
  forget();
  location.reload();
}

export function keepMine() {
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

// Another question stands in the form, or the same one anew.
export function begin() {
  stopped = false;
  dirty = false;
  restore();
}

// What was sent has arrived: nothing is left to keep.
export function arrived() {
  dirty = false;
  forget();
}

// The draft that is on its way, so that what follows it finds the server's answer in the form.
export function onItsWay() {
  clearTimeout(timer);
  return saving;
}
