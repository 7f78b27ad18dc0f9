// Runs before the first paint: apply the stored theme; without one, the system theme applies.
const stored = localStorage.getItem("windlass-theme");
if (stored) document.documentElement.dataset.theme = stored;
