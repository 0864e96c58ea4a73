// How are curves drawn, so that a reader can point at them and choose among them?

const PALETTE = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#6a4c93", "#555555"],
  dark: ["#6bbcef", "#f0914a", "#45c9a0", "#e3a0c4", "#e0c04c", "#9ad4f5", "#b39ddb", "#c0c0c0"],
};
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]], DOTS = [1, 3];
const darkScreen = matchMedia("(prefers-color-scheme: dark)");
const charts = new Set();

/**
 * Draws curves over one axis. x: {title, kind, log, falls}. y: {title, kind, top, free}. curves: each
 * has `title`, `x`, `y`, and may have `colour` and `dash` (indices), `dots`, `low` and `high` of a band.
 */
class Chart {
  constructor(host, { title, x, y, curves }) {
    Object.assign(this, { host, title, x, y, curves });
    host.setAttribute("role", "group");
    host.setAttribute("aria-label", `${title}; the numbers are below`);
    charts.add(this);
    this.draw();
  }

  draw() {
    if (!this.host.isConnected) return charts.delete(this);
    const style = getComputedStyle(document.documentElement);
    const [ink, line] = ["--muted", "--line"].map(name => style.getPropertyValue(name).trim());
    const colours = PALETTE[darkScreen.matches ? "dark" : "light"];
    const places = [...new Set(this.curves.flatMap(curve => curve.x))].sort((a, b) => a - b);
    const aligned = (curve, values) => {
      const at = new Map(curve.x.map((place, index) => [place, values[index]]));
      return places.map(place => at.get(place) ?? null);
    };
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 },
      font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
    const near = this.spread(places);
    const data = [places], series = [{ label: this.x.title, value: (_, v) => written(v, this.x.kind) }];
    const bands = [];
    for (const curve of this.curves) {
      const stroke = isKnown(curve.colour) ? colours[curve.colour % colours.length] : ink;
      data.push(aligned(curve, curve.y));
      series.push({ label: curve.title, stroke, width: curve.dots ? 1.2 : 2, spanGaps: true,
        dash: curve.dots ? DOTS : DASHES[(curve.dash ?? 0) % DASHES.length],
        points: { show: !curve.dots && places.length < 40, size: 5 },
        value: (_, v) => written(v, this.y.kind === "count" ? "value" : this.y.kind) });
      if (!curve.low) continue;
      for (const end of ["high", "low"]) {
        data.push(aligned(curve, curve[end]));
        series.push({ class: "band", width: 0, points: { show: false }, spanGaps: true });
      }
      bands.push({ series: [series.length - 2, series.length - 1], fill: `${stroke}2a` });
    }
    this.plot?.destroy();
    this.plot = new uPlot({
      width: Math.max(260, this.host.clientWidth), height: 280, series, bands,
      scales: {
        x: { time: false, distr: this.x.log ? 3 : 1, dir: this.x.falls ? -1 : 1 },
        y: { range: (_, low, high) => this.range(low, high) },
      },
      axes: [
        { ...axis, label: this.x.title, grid: { show: false },
          ...(this.x.log ? { splits: () => near, filter: (_, splits) => splits } : {}),
          values: (_, splits) => splits.map(v => this.tick(v, this.x.kind)) },
        { ...axis, label: this.y.title, size: 58,
          values: (_, splits) => splits.map(v => this.tick(v, this.y.kind)) },
      ],
      cursor: { focus: { prox: 24 } }, focus: { alpha: 0.25 },
    }, data, this.host);
  }

  /** Chooses where y begins and ends: at 0, unless it is free. */
  range(low, high) {
    if (this.y.top) return [0, this.y.top];
    if (!this.y.free) return [0, high > 0 ? 1.05 * high : 1];
    const margin = Math.max(0.01, 0.08 * (high - low));
    return [Math.max(0, low - margin), high + margin];
  }

  /** Chooses places along a logarithmic axis that are not too close for their numbers. */
  spread(places) {
    const chosen = [];
    for (const place of [...places].reverse()) {
      if (!chosen.length || chosen.at(-1) / place > 1.45) chosen.push(place);
    }
    return chosen.reverse();
  }

  tick(value, kind) {
    if (kind === "percent") return `${Number((100 * value).toPrecision(3))} %`;
    return kind === "count" ? value.toLocaleString("en") : String(Number(value.toPrecision(3)));
  }
}

darkScreen.addEventListener("change", () => charts.forEach(chart => chart.draw()));
let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => charts.forEach(chart => chart.draw()), 150);
});
