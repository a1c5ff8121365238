// Reading: raw texts, differences between answers, answers that scroll together. Needs static/reading.css.
//
// The page gives markup only; `templates/annotation/reading_bar.html` holds the buttons (include it with `several` where answers
// are compared). What this module looks for, at each event anew, so that a page drawn anew by htmx needs no start:
//   [data-reading]           around prompt, answers and buttons; `data-differences-url` is the address of the differences fragment.
//                            The keys work without buttons, too.
//   [data-answer="A"]        one answer; its `.turn`s give way to the fragment while differences are marked; scrolls while together
//   button[data-raw]         R: every text as it was sent, in <details class="raw">, instead of rendered
//   button[data-differences] X (and D, unless an answer is called D): marks in each answer the words that another one does not
//                            have. The other one is the letter that the attribute names, else the answer that is picked (.picked)
//                            or has the focus, else the first. Of two answers each is marked against the other.
//   button[data-scroll-together]  S: long answers get windows of one height, which scroll in proportion
//   [data-reading-status]    a live region; says the button's `data-on`, `data-off` or `data-failed`
// Raw and together stay on from one question to the next; differences do not.

const KEYS = { r: "raw", s: "scrollTogether", x: "differences", d: "differences" };
const TYPING = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";

const on = { raw: false, scrollTogether: false, differences: false };
const placed = new WeakMap(); // element → where it was put, so that putting it there starts no scroll of its own

const root = () => document.querySelector("[data-reading]");
const answers = () => [...root().querySelectorAll("[data-answer]")];
const button = (name) => root().querySelector({ raw: "[data-raw]", scrollTogether: "[data-scroll-together]", differences: "button[data-differences]" }[name]);

function told(name, word = on[name] ? "on" : "off") {
  const pressed = button(name);
  if (!pressed) return;
  pressed.setAttribute("aria-pressed", String(on[name]));
  const status = root().querySelector("[data-reading-status]");
  if (status) status.textContent = pressed.dataset[word] ?? "";
}

export function raw(wanted) {
  on.raw = wanted;
  root().classList.toggle("show-raw", wanted);
  for (const fold of root().querySelectorAll("details.raw")) fold.open = wanted;
  told("raw");
}

export function scrollTogether(wanted) {
  on.scrollTogether = wanted;
  root().classList.toggle("scroll-together", wanted);
  told("scrollTogether");
}

function follow(leader) {
  if (Math.abs((placed.get(leader) ?? -9) - leader.scrollTop) < 2) return placed.delete(leader);
  const share = leader.scrollTop / (leader.scrollHeight - leader.clientHeight || 1);
  for (const other of answers()) {
    if (other === leader) continue;
    const before = other.scrollTop;
    other.scrollTop = share * (other.scrollHeight - other.clientHeight);
    if (other.scrollTop !== before) placed.set(other, other.scrollTop);
  }
}

function reference(named) {
  const all = answers();
  return all.find((answer) => answer.dataset.answer === named)
    ?? all.find((answer) => answer.matches(".picked") || answer.contains(document.activeElement))
    ?? all[0];
}

function unmark() {
  for (const shown of root().querySelectorAll("[data-differences-shown]")) shown.remove();
  for (const answer of answers()) answer.classList.remove("comparing");
}

async function fragment(answer, other) {
  const query = new URLSearchParams({ a: answer.dataset.answer, b: other.dataset.answer });
  const reply = await fetch(`${root().dataset.differencesUrl}?${query}`);
  if (!reply.ok || reply.redirected) throw new Error(`differences answered ${reply.status}`);
  return reply.text();
}

function mark(answer, html) {
  const shown = document.createElement("div");
  shown.dataset.differencesShown = "";
  shown.innerHTML = html; // escaped by the server
  answer.append(shown);
  answer.classList.add("comparing");
}

export async function differences(wanted, named = "") {
  on.differences = wanted;
  unmark();
  if (!wanted) return told("differences");
  const all = answers();
  const other = reference(named);
  const pairs = all.length === 2 ? [all, [all[1], all[0]]] : all.filter((answer) => answer !== other).map((answer) => [answer, other]);
  try {
    const fragments = await Promise.all(pairs.map(([answer, against]) => fragment(answer, against)));
    if (!on.differences || !other.isConnected) return; // pressed again, or another question has come
    pairs.forEach(([answer], place) => mark(answer, fragments[place]));
    told("differences");
  } catch {
    on.differences = false;
    told("differences", "failed");
  }
}

const DO = { raw, scrollTogether, differences };

document.addEventListener("keydown", (event) => {
  const name = KEYS[event.key.toLowerCase()];
  if (!name || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !root()) return;
  if (event.target.closest(TYPING) || document.querySelector("dialog[open]")) return;
  if (answers().some((answer) => answer.dataset.answer === event.key.toUpperCase())) return;
  if (name !== "raw" && answers().length < 2) return;
  event.preventDefault();
  DO[name](!on[name]);
});

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-reading] button");
  const name = pressed && Object.keys(DO).find((known) => known in pressed.dataset);
  if (name) DO[name](!on[name], pressed.dataset.differences);
});

document.addEventListener("scroll", (event) => {
  if (on.scrollTogether && event.target.matches?.(".scroll-together [data-answer]")) follow(event.target);
}, true);

document.body.addEventListener("htmx:afterSettle", () => {
  if (!root() || "read" in root().dataset) return;
  root().dataset.read = "";
  on.differences = false;
  if (on.raw) raw(true);
  if (on.scrollTogether) scrollTogether(true);
});
