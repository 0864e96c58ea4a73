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
 * has `title`, `x`, `y`, and may have `colour` and `dash` (indices), `dots`, `low` and `high` of a band,
 * or `bars`, each from its x to the next. marks: upright lines, each with `x` and `title`.
 */
class Chart {
  constructor(host, { title, x, y, curves, marks = [] }) {
    Object.assign(this, { host, title, x, y, curves, marks });
    host.setAttribute("role", "img");
    host.setAttribute("aria-label", this.inWords());
    charts.add(this);
    this.draw();
  }

  /** Says where each curve begins and ends, or where bars are highest. */
  inWords() {
    const kind = this.y.kind === "count" ? "value" : this.y.kind;
    const ends = ({ title, x, y, bars }) => {
      const known = x.map((_, index) => index).filter(index => isKnown(y[index]));
      if (!known.length) return `${title}: nothing is known`;
      const at = index => `${written(y[index], kind)} at ${written(x[index], this.x.kind)}`;
      if (bars) return `${title}: most, ${at(y.indexOf(Math.max(...known.map(index => y[index]))))}`;
      const ordered = known.sort((a, b) => (this.x.falls ? x[b] - x[a] : x[a] - x[b]));
      return `${title}: ${at(ordered[0])}, ${at(ordered.at(-1))}`;
    };
    const marks = this.marks.map(({ x, title }) => `${title}: ${written(x, this.x.kind)}`);
    return `Chart: ${this.title}, over ${this.x.title.toLowerCase()}. ` +
      `${[...this.curves.map(ends), ...marks].join("; ")}. The table of numbers has all of them.`;
  }

  draw() {
    if (!this.host.isConnected) return charts.delete(this);
    const style = getComputedStyle(document.documentElement);
    const [ink, line, paper, dark] = ["--muted", "--line", "--paper", "--ink"].map(name => style.getPropertyValue(name).trim());
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
        points: { show: !curve.dots && !curve.bars && places.length < 40, size: 5 },
        ...(curve.bars ? { paths: uPlot.paths.bars({ size: [1], align: 1, gap: 1 }), fill: stroke, width: 0 } : {}),
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
      hooks: {
        draw: [plot => this.mark(plot, dark, paper)],
        setCursor: [plot => this.host.classList.toggle("pointed", isKnown(plot.cursor.idx))],
      },
    }, data, this.host);
    this.plot.root.setAttribute("aria-hidden", "true");  // its legend answers the pointer alone
  }

  /** Draws upright lines over the whole height, each with its title at the top. */
  mark(plot, ink, paper) {
    const { ctx: context, bbox: { left, top, width, height } } = plot;
    const ratio = devicePixelRatio;
    context.save();
    Object.assign(context, { fillStyle: ink, font: `${12 * ratio}px system-ui, sans-serif`,
      textBaseline: "top", lineJoin: "round" });
    for (const { x, title } of this.marks) {
      const at = plot.valToPos(x, "x", true), isRight = at > left + width / 2;
      context.textAlign = isRight ? "right" : "left";
      for (const [colour, wide, dash] of [[paper, 4.5, []], [ink, 1.5, [5 * ratio, 4 * ratio]]]) {
        Object.assign(context, { strokeStyle: colour, lineWidth: wide * ratio });
        context.setLineDash([]);
        if (colour === paper) context.strokeText(title, at + (isRight ? -5 : 5) * ratio, top);
        context.setLineDash(dash);
        context.beginPath();
        context.moveTo(at, top);
        context.lineTo(at, top + height);
        context.stroke();
      }
      context.fillText(title, at + (isRight ? -5 : 5) * ratio, top);
    }
    context.restore();
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
