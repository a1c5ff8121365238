// Rating: a number rates the row that has the focus, or the first that is not rated, and goes on to the next row.
// After another question only the best answers are asked for; what was rated of others stays in the form and is passed over.
const root = () => document.querySelector("[data-ratings]");
const rows = () => [...root().querySelectorAll("[data-row]")].filter((row) => !row.closest("[hidden]"));
const boxes = (row) => [...row.querySelectorAll("input")];
const rated = (row) => row.dataset.scale === "flag" || boxes(row).some((box) => box.checked);

function current() {
  const focused = document.activeElement?.closest("[data-row]");
  return focused ?? rows().find((row) => !rated(row)) ?? rows()[0];
}

function go(row) {
  if (!row) return;
  (boxes(row).find((box) => box.checked) ?? boxes(row)[0]).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function set(box, on) {
  box.checked = on;
  box.focus({ preventScroll: true });
  box.dispatchEvent(new Event("change", { bubbles: true }));
}

function rate(row, value) {
  const flag = row.dataset.scale === "flag";
  const box = flag ? boxes(row)[0] : boxes(row).find((one) => one.value === value);
  if (!box || (flag && !"01".includes(value))) return false;
  set(box, !flag || value === "1");
  const all = rows();
  go(all[all.indexOf(row) + 1] ?? all.find((one) => !rated(one)));
  return true;
}

function shift(row, by) {
  const all = boxes(row);
  if (row.dataset.scale === "flag") return set(all[0], by > 0);
  const order = row.dataset.scale === "thumb" ? [...all].reverse() : all; // thumb up stands first
  const now = order.findIndex((box) => box.checked);
  set(order[now < 0 ? (by > 0 ? 0 : order.length - 1) : Math.min(Math.max(now + by, 0), order.length - 1)], true);
}

function key(event) {
  const row = current();
  if (!row) return false;
  const beside = (by) => rows()[rows().indexOf(row) + by];
  if (/^[0-9]$/.test(event.key)) return rate(row, event.key);
  if (event.key === "ArrowDown") go(row.contains(document.activeElement) ? beside(1) : row);
  else if (event.key === "ArrowUp") go(row.contains(document.activeElement) ? beside(-1) : row);
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") shift(row, event.key === "ArrowRight" ? 1 : -1);
  else return false;
  return true;
}

function showBest() {
  if (!("follows" in root().dataset)) return;
  const main = [...document.querySelectorAll("[data-best]")].find((question) => question !== root());
  const best = main?.dataset.best.split(" ").filter(Boolean) ?? [];
  for (const group of root().querySelectorAll("[data-rate]")) group.parentElement.hidden = !best.includes(group.dataset.rate);
  root().classList.toggle("waiting", !best.length);
}

function draw() {
  if (!root()) return;
  showBest();
  const waiting = root().classList.contains("waiting");
  root().dataset.complete = String(!waiting && rows().every(rated));
}

document.addEventListener("desk:key", (event) => {
  if (event.target === root() && key(event.detail)) event.preventDefault();
}, true);
document.addEventListener("desk:turn", (event) => {
  if (event.target === root()) go(rows().find((row) => !rated(row)) ?? rows()[0]);
}, true);
document.addEventListener("desk:best", draw);
document.addEventListener("change", (event) => {
  if (root()?.contains(event.target)) draw();
});
document.body.addEventListener("htmx:afterSettle", draw);
draw();
