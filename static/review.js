// Reviewing by keyboard: a approves, c goes to the comment, j answers the question, n puts it off.
const typing = (element) => element.matches("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const box = document.querySelector("[data-review]");
  if (!box) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.matches(".return")) {
    event.target.form.querySelector("button").click();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const aim = box.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!aim) return;
  event.preventDefault();
  if (!aim.matches("textarea")) return aim.click();
  aim.closest("details").open = true;
  aim.focus();
});
