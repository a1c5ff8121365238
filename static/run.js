// A run's page is drawn anew every two seconds: what the reader opened stays open, and the log stays where they scrolled it.
let kept = { open: [], log: null };

document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id !== "live") return;
  const log = document.getElementById("log");
  const atEnd = log && log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  kept = {
    open: [...document.querySelectorAll("#live details[open]")].map((fold) => fold.id),
    log: log && !atEnd ? log.scrollTop : null,
  };
});

document.body.addEventListener("htmx:afterSwap", () => {
  for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
  showLog(kept.log);
});

function showLog(place) {
  const log = document.getElementById("log");
  if (log) log.scrollTop = place ?? log.scrollHeight;
}

showLog(null);
