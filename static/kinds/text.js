// A text being written: its characters are counted, and the server draws what it makes of it a moment after each change.
const PAUSE = 400; // ms without a key before it is drawn

function start(root, { url, empty, drawn }) {
  const text = root.querySelector("textarea");
  const counter = root.querySelector("[data-counter]");
  const shown = root.querySelector("[data-shown]");
  const digits = new Intl.NumberFormat(document.documentElement.lang);
  let timer = 0;
  let asked = 0;

  function count() {
    counter.textContent = `${digits.format([...text.value].length)} ${root.dataset.count}`;
  }

  function nothing() {
    shown.textContent = shown.dataset.empty;
    shown.classList.add("muted");
  }

  async function draw() {
    const turn = ++asked;
    if (!url(root)) return;
    if (empty?.(text)) return nothing();
    const answer = await fetch(url(root), { method: "POST", body: new FormData(text.form) }).catch(() => null);
    // Answers may overtake each other: only the newest is shown.
    if (!answer || answer.redirected || turn !== asked || !(answer.ok || answer.status === 422)) return;
    shown.innerHTML = await answer.text(); // escaped by the server
    shown.classList.remove("muted");
    if (answer.ok && drawn && !drawn(shown)) return nothing();
    root.dispatchEvent(new Event("desk:drawn", { bubbles: true }));
  }

  text.addEventListener("input", () => {
    count();
    clearTimeout(timer);
    timer = setTimeout(draw, PAUSE);
  });
  count();
  draw();
}

// `url(root)`: where it is drawn, if anywhere; `empty(textarea)`: nothing is there to draw; `drawn(shown)`: something came of it.
export function texts(selector, how) {
  function startAll() {
    for (const root of document.querySelectorAll(`${selector}:not([data-started])`)) {
      root.dataset.started = "";
      start(root, how);
    }
  }
  document.body.addEventListener("htmx:afterSettle", startAll);
  startAll();
}
