// Small conveniences on pages that work without them: theme, keyboard, live refresh, copying, the history slider.

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("windlass-theme", root.dataset.theme);
});

const typing = (element) => element.closest("input, textarea, select, [contenteditable]");
document.addEventListener("keydown", (event) => {
  const palette = document.getElementById("palette");
  if (event.key === "/" && !typing(event.target)) {
    event.preventDefault();
    document.getElementById("search").focus();
  } else if (event.key === "k" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    palette.showModal();
    palette.querySelector("input").value = "";
    filter(palette);
  }
});

function filter(palette) {
  const words = palette.querySelector("input").value.trim().toLowerCase();
  for (const item of palette.querySelectorAll("li")) item.hidden = words !== "" && !item.textContent.toLowerCase().includes(words);
}
const palette = document.getElementById("palette");
palette?.addEventListener("input", () => filter(palette));
palette?.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const first = palette.querySelector("li:not([hidden]) a");
  const words = palette.querySelector("input").value.trim();
  location.href = first && words ? first.href : `/inventory?q=${encodeURIComponent(words)}`;
});

// <live-page>: when the server says that something moved, the page's content is fetched again and put in place.
class LivePage extends HTMLElement {
  connectedCallback() {
    this.stream = new EventSource("/live");
    this.stream.addEventListener("moved", (event) => {
      if (event.data === this.dataset.known) return;
      this.dataset.known = event.data;
      this.refresh();
    });
  }
  disconnectedCallback() {
    this.stream?.close();
    clearTimeout(this.waiting);
  }
  async refresh() {
    if (this.waiting) { this.again = true; return; }
    this.waiting = setTimeout(() => {
      this.waiting = undefined;
      if (this.again) { this.again = false; this.refresh(); }
    }, 2000);
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    const main = document.getElementById("main");
    if (!fresh || main.contains(document.activeElement?.closest("input, button, a"))) return;
    // The element itself stays, so that its stream does.
    for (const child of [...main.children]) if (child !== this) child.remove();
    for (const child of [...fresh.children]) if (child.localName !== "live-page") main.append(document.adoptNode(child));
  }
}
customElements.define("live-page", LivePage);

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

// <history-slider>: dragging through the revisions opens each as its link in the list below does.
class HistorySlider extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input");
    const links = () => [...this.closest("section").querySelectorAll(".history a")];
    input.addEventListener("change", async () => {
      const target = links()[Number(input.max) - Number(input.value)];
      if (!target) return;
      history.replaceState(null, "", target.href);
      const answer = await fetch(target.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["document"]) document.getElementById(id).replaceWith(fresh.getElementById(id));
      const diff = fresh.getElementById("diff");
      const old = document.getElementById("diff");
      if (old && diff) old.replaceWith(diff);
      else if (diff) this.closest("section").after(diff);
      else old?.remove();
      for (const item of this.closest("section").querySelectorAll(".history li")) item.classList.toggle("chosen", item.contains(target));
    });
  }
}
customElements.define("history-slider", HistorySlider);
