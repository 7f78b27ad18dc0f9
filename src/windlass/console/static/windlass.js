// Optional comfort: theme, keyboard shortcuts, copying commands, selects that submit at once.
import "./live.js";
import "./history.js";
import "./palette.js";

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("windlass-theme", root.dataset.theme);
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById("search")?.select();
});

// A menu closes on a click outside of it, or on Escape.
const closeMenus = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
};
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus());

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
// With scripts, a select that submits at once needs no button.
for (const choice of document.querySelectorAll("[data-submit]")) choice.form.querySelector("button")?.setAttribute("hidden", "");

class CopyLine extends HTMLElement {
  connectedCallback() {
    this.querySelector("button")?.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.querySelector("code").textContent);
      this.dataset.copied = "yes";
      setTimeout(() => delete this.dataset.copied, 1200);
    });
  }
}
customElements.define("copy-line", CopyLine);
