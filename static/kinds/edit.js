// Editing: what was changed, word by word.
import { texts } from "./text.js";

texts("[data-edit]", { url: (root) => root.dataset.changes, drawn: (shown) => shown.querySelector("ins, del") });
