// Active time at a seat: counted from one sign of life to the next, at most IDLE, and not while the page is out of view.
import { field, form, place } from "./answer.js";

const IDLE = 60; // s without a sign of life after which time is not counted

let counted = 0; // s, up to `last`
let last = null; // ms, the last sign of life; null while the page is not in view

function seconds() {
  return counted + (last === null ? 0 : Math.min((performance.now() - last) / 1000, IDLE));
}

export function alive() {
  counted = seconds();
  last = performance.now();
}

export function away() {
  counted = seconds();
  last = null;
}

export function watchTime() {
  counted = Number(field("seconds").value) || 0;
  last = document.visibilityState === "visible" ? performance.now() : null;
  tick();
}

export function stamp() {
  field("seconds").value = seconds().toFixed(1);
}

export function tick() {
  if (!form() || !place("clock")) return;
  const whole = Math.floor(seconds());
  place("clock").textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
