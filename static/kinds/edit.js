// Editing: what was changed, word by word, drawn by the server a moment after each change.
const PAUSE = 400; // ms without a key

function start(root) {
  const text = root.querySelector("textarea");
  const counter = root.querySelector("[data-counter]");
  const shown = root.querySelector("[data-shown]");
  const digits = new Intl.NumberFormat(document.documentElement.lang);
  let timer = 0;
  let asked = 0;

  async function draw() {
    const turn = ++asked;
    if (!root.dataset.changes) return;
    const answer = await fetch(root.dataset.changes, { method: "POST", body: new FormData(text.form) }).catch(() => null);
    // Answers may overtake each other: only the newest is shown.
    if (!answer || answer.redirected || turn !== asked || !(answer.ok || answer.status === 422)) return;
    shown.innerHTML = await answer.text(); // escaped by the server
    if (answer.ok && !shown.querySelector("ins, del")) shown.textContent = shown.dataset.empty;
  }

  function count() {
    counter.textContent = `${digits.format([...text.value].length)} ${root.dataset.count}`;
  }

  text.addEventListener("input", () => {
    count();
    clearTimeout(timer);
    timer = setTimeout(draw, PAUSE);
  });
  count();
  draw();
}

function startAll() {
  for (const root of document.querySelectorAll("[data-edit]:not([data-started])")) {
    root.dataset.started = "";
    start(root);
  }
}

document.body.addEventListener("htmx:afterSettle", startAll);
startAll();
