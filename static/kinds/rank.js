// Ranking by keyboard, by buttons and by dragging letters. The selects of the form are the one truth; all else draws them.
// One answer is picked, from the start the first that has no tier: a number places it and picks the next.
const DRAG = 5; // px of movement that make a press a drag

class Ranking {
  constructor(root) {
    this.root = root;
    this.answers = [...root.querySelectorAll("[data-answer]")];
    this.letters = this.answers.map((answer) => answer.dataset.answer);
    this.tiers = [...root.querySelectorAll("[data-tier]")];
    this.order = ["", ...this.tiers.map((tier) => tier.dataset.tier).filter(Boolean)];
    this.picked = null;
    root.addEventListener("click", (event) => this.click(event));
    root.addEventListener("change", () => this.draw());
    root.addEventListener("focusin", (event) => this.focus(event.target));
    root.addEventListener("desk:key", (event) => this.key(event.detail) && event.preventDefault());
    root.addEventListener("desk:turn", () => this.goTo(this.open()[0]));
    for (const chip of root.querySelectorAll("[data-chip]")) this.draggable(chip);
    this.draw();
    this.pick(this.open()[0] ?? null);
  }

  answer(letter) { return this.answers[this.letters.indexOf(letter)]; }
  select(letter) { return this.answer(letter).querySelector("select"); }
  chip(letter) { return this.root.querySelector(`[data-chip="${letter}"]`); }
  tier(name) { return this.tiers.find((tier) => tier.dataset.tier === name); }
  open() { return this.letters.filter((letter) => !this.select(letter).value); }

  draw() {
    for (const letter of this.letters) {
      const name = this.select(letter).value;
      const chips = this.tier(name).querySelector(".chips");
      const chip = this.chip(letter);
      if (chip.parentElement !== chips) chips.append(chip);
      for (const button of this.answer(letter).querySelectorAll("[data-to]")) {
        button.setAttribute("aria-pressed", String(button.dataset.to === name));
      }
      this.answer(letter).dataset.placed = name;
    }
    this.root.dataset.complete = String(!this.open().length);
    this.root.dataset.best = this.best().join(" ");
    this.root.dispatchEvent(new Event("desk:best", { bubbles: true }));
  }

  best() {
    if (this.open().length) return [];
    const tier = this.order.slice(1).find((name) => this.letters.some((letter) => this.select(letter).value === name));
    return this.letters.filter((letter) => this.select(letter).value === tier);
  }

  place(letter, name) {
    this.select(letter).value = name;
    this.select(letter).dispatchEvent(new Event("change", { bubbles: true }));
    const words = name === "" ? "sayOpen" : name === "unacceptable" ? "sayUnacceptable" : "sayPlaced";
    this.say(words, letter, name);
    if (name && !this.open().length) this.say("sayAll", letter, name, true);
  }

  say(words, letter, name, more = false) {
    const place = this.root.querySelector("[data-announce]");
    const text = this.root.dataset[words].replace("%a", letter).replace("%t", name);
    place.textContent = more ? `${place.textContent}. ${text}` : text;
  }

  pick(letter) {
    this.picked = letter;
    for (const other of this.letters) {
      this.answer(other).classList.toggle("picked", other === letter);
      this.chip(other).classList.toggle("picked", other === letter);
    }
  }

  goTo(letter) {
    this.pick(letter);
    if (!letter) return document.activeElement.blur();
    const answer = this.answer(letter);
    answer.focus({ preventScroll: true });
    answer.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  focus(target) {
    const answer = target.closest("[data-answer]");
    if (answer) this.pick(answer.dataset.answer);
  }

  click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.to) {
      const letter = button.closest("[data-answer]").dataset.answer;
      this.place(letter, button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.to);
    } else if (button.dataset.chip && !button.dataset.dragged) {
      this.goTo(button.dataset.chip);
    }
  }

  key(event) {
    const letter = event.key.toUpperCase();
    if (this.letters.includes(letter)) this.goTo(letter);
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.step(event.key === "ArrowRight" ? 1 : -1);
    else return this.keyOnPicked(event.key, letter);
    return true;
  }

  keyOnPicked(key, letter) {
    if (!this.picked) this.pick(this.open()[0] ?? null);
    if (!this.picked) return false;
    if (letter === "U") this.placeAndGoOn("unacceptable");
    else if (/^[1-9]$/.test(key) && this.order.includes(key)) this.placeAndGoOn(key);
    else if (key === "ArrowUp" || key === "ArrowDown") this.shift(key === "ArrowDown" ? 1 : -1);
    else if (key === "Backspace" || key === "Delete") this.place(this.picked, "");
    else if (key === "Escape") this.goTo(null);
    else return false;
    return true;
  }

  placeAndGoOn(name) {
    this.place(this.picked, name);
    const open = this.open();
    const after = open.find((letter) => letter > this.picked) ?? open[0];
    if (after) this.goTo(after);
  }

  step(by) {
    const at = this.letters.indexOf(this.picked);
    const next = at < 0 ? (by > 0 ? 0 : this.letters.length - 1) : (at + by + this.letters.length) % this.letters.length;
    this.goTo(this.letters[next]);
    this.say("sayPicked", this.letters[next], "");
  }

  shift(by) {
    const now = this.order.indexOf(this.select(this.picked).value);
    const to = Math.min(Math.max(now + by, 1), this.order.length - 1);
    if (to !== now) this.place(this.picked, this.order[to]);
  }

  draggable(chip) {
    chip.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      delete chip.dataset.dragged;
      chip.setPointerCapture(event.pointerId);
      const [x, y] = [event.clientX, event.clientY];
      const move = (now) => this.drag(chip, now, now.clientX - x, now.clientY - y);
      const end = (now) => {
        chip.removeEventListener("pointermove", move);
        this.drop(chip, now.type === "pointerup" ? this.under(now) : null);
      };
      chip.addEventListener("pointermove", move);
      chip.addEventListener("pointerup", end, { once: true });
      chip.addEventListener("pointercancel", end, { once: true });
    });
  }

  drag(chip, event, dx, dy) {
    if (!("dragged" in chip.dataset) && Math.hypot(dx, dy) < DRAG) return;
    chip.dataset.dragged = "1";
    chip.style.transform = `translate(${dx}px, ${dy}px)`;
    const over = this.under(event);
    for (const tier of this.tiers) tier.classList.toggle("over", tier === over);
  }

  under(event) {
    const found = document.elementsFromPoint(event.clientX, event.clientY).find((element) => element.matches("[data-tier]"));
    return found ?? null;
  }

  drop(chip, tier) {
    chip.style.transform = "";
    for (const other of this.tiers) other.classList.remove("over");
    if (tier && "dragged" in chip.dataset) this.place(chip.dataset.chip, tier.dataset.tier);
    // The click that follows a drag is not a click.
    setTimeout(() => delete chip.dataset.dragged, 0);
  }
}

function start() {
  for (const root of document.querySelectorAll("[data-rank]:not([data-started])")) {
    root.dataset.started = "";
    new Ranking(root);
  }
}

document.body.addEventListener("htmx:afterSettle", start);
start();
