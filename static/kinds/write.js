// Writing: a count of characters, and a preview drawn by the server's one renderer.
const PAUSE = 500; // ms without a key before the preview is drawn

function start(root) {
  const text = root.querySelector("textarea");
  const counter = root.querySelector("[data-counter]");
  const shown = root.querySelector("[data-shown]");
  const digits = new Intl.NumberFormat(document.documentElement.lang);
  let timer = 0;
  let asked = 0;

  function count() {
    counter.textContent = `${digits.format([...text.value].length)} ${root.dataset.count}`;
  }

  async function draw() {
    const turn = ++asked;
    if (!text.value.trim()) {
      shown.textContent = shown.dataset.empty;
      shown.classList.add("muted");
      return;
    }
    const answer = await fetch(root.dataset.preview, { method: "POST", body: new FormData(text.form) }).catch(() => null);
    // Answers may overtake each other: only the newest is shown.
    if (!answer || turn !== asked || !(answer.ok || answer.status === 422)) return;
    shown.innerHTML = await answer.text();
    shown.classList.remove("muted");
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

function startAll() {
  for (const root of document.querySelectorAll("[data-write]:not([data-started])")) {
    root.dataset.started = "";
    start(root);
  }
}

document.body.addEventListener("htmx:afterSettle", startAll);
startAll();
