// The seat: drafts kept a moment after each change, time counted while the page is seen, Ctrl+Enter, trouble said in words.
const PAUSE = 1000; // ms without a change before the draft is sent
const AGAIN = 5000; // ms before a draft that did not arrive is sent again

const form = () => document.getElementById("answer");
const field = (name) => form().elements.namedItem(name);

let dirty = false;
let lost = false;
let timer = 0;
let counted = 0; // seconds of earlier visits and of earlier looks in this one
let since = 0; // when the page was last brought into view

function seconds() {
  return counted + (since ? (performance.now() - since) / 1000 : 0);
}

function watchTime() {
  counted = Number(field("seconds").value) || 0;
  since = document.visibilityState === "visible" ? performance.now() : 0;
}

function stamp() {
  field("seconds").value = seconds().toFixed(1);
}

function say(text) {
  document.getElementById("saved").textContent = text;
}

function trouble(text) {
  const place = document.getElementById("trouble");
  place.textContent = text;
  place.hidden = !text;
}

function changed() {
  if (lost) return;
  dirty = true;
  clearTimeout(timer);
  timer = setTimeout(save, PAUSE);
}

// `leaving`: the request must outlive the page; browsers allow that up to 64 KB, so it is not asked for otherwise.
async function save(leaving = false) {
  if (!dirty || lost || !form()) return;
  clearTimeout(timer);
  dirty = false;
  stamp();
  say(form().dataset.saving);
  try {
    const answer = await fetch(form().dataset.draft, { method: "POST", body: new FormData(form()), keepalive: leaving });
    await told(answer);
  } catch {
    dirty = true;
    say(form().dataset.unsaved);
    timer = setTimeout(save, AGAIN);
  }
}

async function told(answer) {
  if (answer.ok && !answer.redirected) {
    say(`${form().dataset.saved} ${(await answer.json()).saved}`);
  } else if (answer.status === 409 || answer.status === 422) {
    lost = answer.status === 409;
    say("");
    trouble((await answer.json()).error);
  } else {
    throw new Error(`draft answered ${answer.status}`);
  }
}

function seen() {
  if (document.visibilityState === "visible") {
    since = performance.now();
  } else {
    counted = seconds();
    since = 0;
    save(true);
  }
}

document.addEventListener("input", (event) => {
  if (event.target.form === form()) changed();
});
document.addEventListener("change", (event) => {
  if (event.target.form === form()) changed();
});
document.addEventListener("visibilitychange", seen);
window.addEventListener("pagehide", () => save(true));

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form()) {
    event.preventDefault();
    form().requestSubmit();
  }
});

document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.target !== form()) return;
  clearTimeout(timer);
  stamp();
  trouble("");
  event.detail.parameters.set("seconds", field("seconds").value);
});
// A submit that arrived leaves nothing to keep; one that did not leaves all of it.
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.target === form()) dirty = false;
});
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status !== 409) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.body.addEventListener(failure, () => form() && trouble(form().dataset.unsent));
}
document.body.addEventListener("htmx:afterSettle", () => form() && watchTime());

if (form()) watchTime();
