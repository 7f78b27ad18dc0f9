// Ctrl-K: go to a page or a resource by typing a part of its name; arrows choose, Enter goes.

const palette = document.getElementById("palette");
const input = palette?.querySelector("input");
const list = palette?.querySelector("ul");
let at = 0;
let asked;

const open = () => {
  if (palette.open) return;
  palette.showModal();
  input.value = "";
  show();
};
const items = () => [...list.querySelectorAll("li:not([hidden])")];

function choose(number) {
  const shown = items();
  at = Math.max(0, Math.min(number, shown.length - 1));
  shown.forEach((item, position) => item.classList.toggle("at", position === at));
  shown[at]?.scrollIntoView({ block: "nearest" });
}

function entry(text, note, address) {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.href = address;
  link.appendChild(document.createElement("span")).textContent = text;
  link.appendChild(document.createElement("small")).textContent = note;
  item.dataset.found = "yes";
  return item;
}

function show() {
  const words = input.value.trim();
  for (const item of list.querySelectorAll("[data-found]")) item.remove();
  for (const item of list.children) item.hidden = words !== "" && !item.textContent.toLowerCase().includes(words.toLowerCase());
  if (words) list.append(entry(`Search for “${words}”`, "inventory", `/inventory?q=${encodeURIComponent(words)}`));
  choose(0);
  clearTimeout(asked);
  if (words.length > 1) asked = setTimeout(() => find(words), 150);
}

async function find(words) {
  const answer = await fetch(`/v1/resources?limit=8&q=${encodeURIComponent(words)}`).catch(() => null);
  if (!answer?.ok || input.value.trim() !== words) return;
  const { items: found } = await answer.json();
  const last = list.querySelector("[data-found]");
  for (const one of found) last.before(entry(one.name || one.resource_id, `${one.type} · ${one.region}`, `/inventory/resource?ref=%23${one.id}`));
  choose(at);
}

if (palette) {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    open();
  });
  document.querySelector("[data-palette]")?.addEventListener("click", open);
  palette.addEventListener("click", (event) => event.target === palette && palette.close());
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") choose(at + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter") items()[at]?.querySelector("a").click();
    else return;
    event.preventDefault();
  });
}
