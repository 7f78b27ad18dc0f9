// <live-page topics="jobs runs" data-etags="…">: when the server reports that a topic changed, the page is fetched
// again and the difference is patched in. Open details, focus and scroll positions stay.

const MIN_REFRESH_MS = 1500;

export async function load(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id || old.nodeType !== Node.ELEMENT_NODE) {
    old.replaceWith(document.adoptNode(fresh));
    return;
  }
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  if (old.localName === "copy-line" && old.textContent === fresh.textContent) return;
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, at) => (at < before.length ? morph(before[at], node) : old.append(document.adoptNode(node))));
  for (const node of before.slice(after.length)) node.remove();
}

class LivePage extends HTMLElement {
  connectedCallback() {
    this.stream = new EventSource(`/live?topics=${encodeURIComponent(this.getAttribute("topics"))}`);
    this.stream.addEventListener("changed", (event) => {
      if (event.data === this.dataset.etags) return;
      this.dataset.etags = event.data;
      this.refresh();
    });
    this.close = () => this.stream.close();
    addEventListener("pagehide", this.close);
  }
  disconnectedCallback() {
    this.stream?.close();
    clearTimeout(this.timer);
    removeEventListener("pagehide", this.close);
  }
  // Refresh at once, then at most every MIN_REFRESH_MS; the last event is always followed by a refresh.
  refresh() {
    if (this.timer) {
      this.pending = true;
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.pending) this.refresh();
    }, MIN_REFRESH_MS);
    this.pending = !this.pending;
    this.show();
  }
  async show() {
    const fresh = (await load(location.href).catch(() => null))?.getElementById("main");
    const main = document.getElementById("main");
    const typing = document.activeElement?.closest?.("input:not([type=range]), select, textarea");
    if (!fresh || (typing && main.contains(typing))) return;
    const tails = [...main.querySelectorAll("[data-tail]")].filter((log) => log.scrollTop + log.clientHeight >= log.scrollHeight - 4);
    // This element stays, and so does its stream. (A clone would connect as soon as it is inserted and keep a second stream open.)
    if (!fresh.querySelector("live-page")) this.stream.close();
    morph(main, fresh);
    for (const log of tails) log.scrollTop = log.scrollHeight;
  }
}
customElements.define("live-page", LivePage);
