// Ctrl-K opens a palette that finds pages and resources by a part of their name. Arrow keys select, Enter opens.

const palette = document.getElementById("palette");
const input = palette?.querySelector("input");
const list = palette?.querySelector("ul");
let at = 0;
let searchTimer;

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
  item.dataset.result = "yes";
  return item;
}

function show() {
  const words = input.value.trim();
  for (const item of list.querySelectorAll("[data-result]")) item.remove();
  for (const item of list.children) item.hidden = words !== "" && !item.textContent.toLowerCase().includes(words.toLowerCase());
  if (words) list.append(entry(`Search for “${words}”`, "inventory", `/inventory?q=${encodeURIComponent(words)}`));
  choose(0);
  clearTimeout(searchTimer);
  if (words.length > 1) searchTimer = setTimeout(() => find(words), 150);
}

async function find(words) {
  const answer = await fetch(`/v1/resources?limit=8&q=${encodeURIComponent(words)}`).catch(() => null);
  if (!answer?.ok || input.value.trim() !== words) return;
  const { items: resources } = await answer.json();
  const last = list.querySelector("[data-result]");
  for (const resource of resources) last.before(entry(resource.name || resource.resource_id, `${resource.type} · ${resource.region}`, `/inventory/resource?ref=%23${resource.id}`));
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
