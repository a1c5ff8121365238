// Comparing: the seven steps by keys; what is chosen is in the form's radios, and nowhere else.
const root = () => document.querySelector("[data-compare]");
const steps = () => [...root().querySelectorAll("[name=choice]")];
const bad = () => root().querySelector("[name=bad]");
const chosen = () => steps().findIndex((step) => step.checked);
const TIE = 3; // its place among the steps
const BEST = ["A", "A", "A", "A B", "B", "B", "B"];

function set(box, on) {
  box.checked = on;
  box.focus({ preventScroll: true });
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

function choose(place) {
  set(steps()[Math.min(Math.max(place, 0), steps().length - 1)], true);
}

function draw() {
  if (!root()) return;
  const place = chosen();
  root().dataset.complete = String(place >= 0 || bad().checked);
  root().dataset.best = place >= 0 ? BEST[place] : bad().checked ? BEST[TIE] : "";
  if (place >= 0) root().querySelector("[data-said]").textContent = steps()[place].labels[0].title;
  root().dispatchEvent(new Event("desk:best", { bubbles: true }));
}

function key(event) {
  const name = event.key.toLowerCase();
  if (/^[1-7]$/.test(name)) choose(Number(name) - 1);
  else if (name === "arrowleft" || name === "arrowright") choose((chosen() < 0 ? TIE : chosen()) + (name === "arrowleft" ? -1 : 1));
  else if (name === "t") choose(TIE);
  else if (name === "b") set(bad(), !bad().checked);
  else return false;
  return true;
}

document.addEventListener("desk:key", (event) => {
  if (event.target === root() && key(event.detail)) event.preventDefault();
}, true);
document.addEventListener("change", (event) => {
  if (root()?.contains(event.target)) draw();
});
document.body.addEventListener("htmx:afterSettle", draw);
draw();
