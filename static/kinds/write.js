// Writing: a preview of the text by the server's one renderer.
import { texts } from "./text.js";

texts("[data-write]", { url: (root) => root.dataset.preview, empty: (text) => !text.value.trim() });
