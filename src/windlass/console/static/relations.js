// <relation-map data-ref="#12">: the relations drawn by the server, and on request the same as a map to drag, zoom and
// follow. Only then is the chart library loaded; without script the server's drawing and the table below it remain.

const LIBRARY = "/static/vendor/echarts.min.js";

function library() {
  if (globalThis.echarts) return Promise.resolve(globalThis.echarts);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = LIBRARY;
    script.onload = () => resolve(globalThis.echarts);
    script.onerror = () => reject(new Error("the chart library could not be loaded"));
    document.head.append(script);
  });
}

// The library mixes colours itself and reads only rgb: one pixel says what a colour of the style sheet is.
function colour(element, name) {
  const probe = document.createElement("i");
  probe.className = `probe ${name}`;
  element.append(probe);
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pen.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

class RelationMap extends HTMLElement {
  connectedCallback() {
    if (this.querySelector("button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button ghost";
    button.textContent = "Explore as a map";
    button.addEventListener("click", () => this.open(button));
    this.append(button);
  }

  disconnectedCallback() {
    this.watch?.disconnect();
    this.chart?.dispose();
  }

  async open(button) {
    button.disabled = true;
    button.textContent = "Drawing…";
    try {
      const answer = await fetch(`/v1/resource/graph?depth=3&ref=${encodeURIComponent(this.dataset.ref)}`);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      const [echarts, found] = [await library(), await answer.json()];
      button.remove();
      this.draw(echarts, found);
    } catch (error) {
      button.disabled = false;
      button.textContent = `${error.message}: try again`;
    }
  }

  draw(echarts, found) {
    const tones = { ink: colour(this, "ink"), dim: colour(this, "dim"), brass: colour(this, "brass") };
    const few = found.nodes.length < 25; // room for long edges, each with its name
    const services = [...new Set(found.nodes.map((node) => node.type.split(".")[0]))].sort();
    const palette = services.map((_, at) => colour(this, `tone${at % 8}`));
    this.querySelector("svg")?.remove();
    const box = document.createElement("div");
    box.className = "map";
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `${found.nodes.length} related resources; the table below lists the nearest`);
    this.append(box);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.chart = echarts.init(box, null, { renderer: "canvas" });
    this.chart.setOption({
      animation: !still,
      color: palette,
      tooltip: { formatter: (item) => escaped(item.dataType === "edge" ? item.data.kind : `${item.data.type}: ${item.data.label}`) },
      legend: { data: services, bottom: 0, type: "scroll", textStyle: { color: tones.dim } },
      series: [{
        type: "graph", layout: "force", roam: true, draggable: true, top: 8, bottom: 36,
        force: { repulsion: few ? 700 : 160, edgeLength: few ? 150 : 70, gravity: few ? 0.06 : 0.12, layoutAnimation: !still },
        categories: services.map((name) => ({ name })),
        edgeSymbol: ["none", "arrow"], edgeSymbolSize: 8,
        edgeLabel: { show: few, color: tones.dim, fontSize: 11, formatter: (item) => item.data.kind },
        lineStyle: { color: tones.dim, opacity: 0.6, width: 1.4, curveness: 0.08 },
        emphasis: { focus: "adjacency" },
        label: { show: found.nodes.length < 60, position: "right", color: tones.ink, formatter: (item) => item.data.label },
        data: found.nodes.map((node) => ({
          id: node.key, pk: node.pk, type: node.type, label: node.name || node.resource_id,
          category: services.indexOf(node.type.split(".")[0]), symbolSize: node.key === found.root ? 22 : 12,
          itemStyle: node.key === found.root ? { color: tones.brass } : undefined,
        })),
        links: found.edges.map((edge) => ({ source: edge.source_key, target: edge.target_key, kind: edge.kind })),
      }],
    });
    this.chart.on("click", { dataType: "node" }, (item) => {
      location.href = `/inventory/resource?ref=${encodeURIComponent(`#${item.data.pk}`)}`;
    });
    this.watch = new ResizeObserver(() => this.chart.resize());
    this.watch.observe(box);
  }
}
customElements.define("relation-map", RelationMap);
