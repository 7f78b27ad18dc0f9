// <history-slider>: moving the slider shows a revision, like a click on its link in the list below.
import { load, morph } from "./live.js";

class HistorySlider extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input");
    input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.go(Number(input.max) - Number(input.value)), 90);
    });
  }
  async go(at) {
    const target = this.closest("section").querySelectorAll(".history a")[at];
    if (!target) return;
    this.target = target.href;
    const fresh = await load(target.href).catch(() => null);
    if (!fresh || this.target !== target.href) return; // the slider has moved on
    history.replaceState(null, "", target.href);
    for (const id of ["document", "asof", "cli", "diff"]) {
      const old = document.getElementById(id);
      if (id === "document" || id === "diff") old.replaceWith(document.adoptNode(fresh.getElementById(id)));
      else morph(old, fresh.getElementById(id));
    }
    const list = this.closest("section").querySelectorAll(".history li");
    list.forEach((item, number) => item.classList.toggle("chosen", number === at));
    this.querySelectorAll(".ticks li").forEach((item, number, all) => item.classList.toggle("chosen", all.length - 1 - number === at));
    list[at].scrollIntoView({ block: "nearest" });
  }
}
customElements.define("history-slider", HistorySlider);
