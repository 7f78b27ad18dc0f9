// <live-page topics="jobs runs" data-known="…">: when the server says that a topic moved, the page is fetched again and
// what differs is put in place. What the reader does meanwhile stays: open details, focus, scrolling.

const REST_MS = 1500;

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
    this.stream.addEventListener("moved", (event) => {
      if (event.data === this.dataset.known) return;
      this.dataset.known = event.data;
      this.refresh();
    });
    this.leave = () => this.stream.close();
    addEventListener("pagehide", this.leave);
  }
  disconnectedCallback() {
    this.stream?.close();
    clearTimeout(this.waiting);
    removeEventListener("pagehide", this.leave);
  }
  // At once, then not before a rest; the last news is always followed by one more look.
  refresh() {
    if (this.waiting) {
      this.again = true;
      return;
    }
    this.waiting = setTimeout(() => {
      this.waiting = undefined;
      if (this.again) this.refresh();
    }, REST_MS);
    this.again = !this.again;
    this.show();
  }
  async show() {
    const fresh = (await load(location.href).catch(() => null))?.getElementById("main");
    const main = document.getElementById("main");
    const typing = document.activeElement?.closest?.("input:not([type=range]), select, textarea");
    if (!fresh || (typing && main.contains(typing))) return;
    const tails = [...main.querySelectorAll("[data-tail]")].filter((log) => log.scrollTop + log.clientHeight >= log.scrollHeight - 4);
    // This element stays, so that its stream does; while the job lives the fresh page has it, too. (A clone of it would be
    // connected the moment it is put into the fresh page, and hold a stream of its own for ever.)
    if (!fresh.querySelector("live-page")) this.stream.close();
    morph(main, fresh);
    for (const log of tails) log.scrollTop = log.scrollHeight;
  }
}
customElements.define("live-page", LivePage);
