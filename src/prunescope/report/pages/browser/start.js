// What does the page show when it opens, and when its address changes?

function complain(error) {
  const notice = document.getElementById("problem");
  notice.hidden = false;
  notice.textContent = `Something could not be shown: ${error.message}`;
}

let turn = 0;

/** Shows the unit or concept of the address, or the sections; the last of several addresses wins. */
async function follow() {
  const mine = ++turn;
  const address = readAddress(location.hash);
  const [detail, sections] = ["detail", "sections"].map(id => document.getElementById(id));
  const isDetail = Boolean((address.unit || address.concept) && pageData().views.length);
  const drawing = make("div");
  const finish = isDetail && await (address.unit ? unitPage : conceptPage)(drawing, address);
  if (mine !== turn) return;
  detail.replaceChildren(...drawing.childNodes);
  watchWidths(detail);
  detail.hidden = !isDetail;
  if (finish) finish();  // charts must know how wide they are
  sections.hidden = isDetail;
  document.title = [detail.querySelector("h1")?.textContent, pageData().name].filter(Boolean).join(" – ");
  if (isDetail) {
    scrollTo(0, 0);
    detail.querySelector("h1").focus();
  } else {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target) target.scrollIntoView();
  }
}

const showProblem = promise => promise.catch(complain);

/** Arrow keys step through units, Escape goes back, and a slash searches. */
function press(event) {
  const isTyped = event.target.closest("input, select, textarea, .scroll");
  if (isTyped || event.ctrlKey || event.metaKey || event.altKey) return;
  const link = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (link) document.querySelector(`#detail a[rel=${link}]`)?.click();
  else if (event.key === "Escape" && !document.getElementById("detail").hidden) location.hash = "#units";
  else if (event.key === "/") {
    event.preventDefault();
    document.querySelector("#units input[type=search]")?.focus();
  }
}

/** The numbers of curves as a table, a row for each place. */
function numbersOf(title, curves, x, kind) {
  const places = [...new Set(curves.flatMap(curve => curve.x))].sort((a, b) => x.falls ? b - a : a - b);
  const heads = [x.title, ...curves.map(curve => curve.title)];
  const rows = places.map(place => make("tr", {},
    make("th", { scope: "row" }, x.bins
      ? `${written(place, x.kind)} to ${written(place + x.bins, x.kind)}` : written(place, x.kind)),
    ...curves.map(curve => {
      const value = curve.y[curve.x.indexOf(place)];
      return make("td", {}, written(value, kind === "count" ? "value" : kind));
    })));
  const region = { class: "scroll", role: "region", "aria-label": title, tabindex: 0 };
  return make("div", region, make("table", {}, make("caption", {}, title),
    make("thead", {}, make("tr", {}, ...heads.map(head => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...rows)));
}

/** A chart of a choice of curves: means over replicates, or each of these where it has some. */
function drawCharts(host, { title, choices, x, each }) {
  const box = make("div", { class: "chart" }), state = { at: 0, each: Boolean(each) };
  const draw = () => {
    const chosen = choices[state.at];
    const curves = state.each && chosen.each?.length ? chosen.each : chosen.curves;
    Object.assign(state, { curves, kind: chosen.y.kind });
    state.title = chosen.title;
    numbers.firstChild.setAttribute("aria-label", `Numbers: ${chosen.title}`);
    if (numbers.open) numbers.lastChild.replaceWith(numbersOf(chosen.title, curves, x, state.kind));
    box.replaceChildren();
    new Chart(box, { title: chosen.title, x, y: chosen.y, curves, marks: chosen.marks });
  };
  const titles = choices.map((chosen, index) => [String(index), chosen.title]);
  const which = titles.length > 1
    ? choice(title, titles, "0", index => { state.at = Number(index); draw(); }) : null;
  const input = make("input", { type: "checkbox", checked: state.each,
    onchange: () => { state.each = input.checked; draw(); } });
  const all = choices[0].each?.length ? make("label", {}, input, " each replicate") : null;
  const numbers = make("details", {}, make("summary", {}, "Numbers"));
  numbers.addEventListener("toggle", () => {
    if (numbers.open) numbers.append(numbersOf(state.title, state.curves, x, state.kind));
    else numbers.lastChild.remove();
    watchWidths(numbers);
  });
  host.replaceChildren(make("div", { class: "controls" }, which, all), box, numbers);
  draw();
}

/**
 * The addresses of a column: of units of a side, whose layer may differ from row to row, or of concepts
 * at levels.
 */
function linkOf({ links, concepts, values }) {
  if (links) return row => unitAddress({ layer: links.layers[row], key: links.key }, values[row]);
  if (!concepts) return null;
  return row => {
    const view = pageData().views[concepts.views[row]], code = concepts.codes[row];
    return view && code >= 0 ? conceptAddress(view, code) : null;
  };
}

/** Reads a column whose texts are numbered. */
function textsOf({ texts, values }) {
  return texts ? values.map(number => texts[number] ?? null) : values;
}

/** Fills a place with a table once it is about to be seen, or, to be printed, once there is time. */
function fillLater({ place, caption, file }) {
  const host = document.getElementById(place);
  const fill = () => {
    if (host.dataset.filled) return;
    host.dataset.filled = "yes";
    watch.disconnect();
    showProblem(load(place).then(columns => {
      columns.forEach(column => {
        column.values = textsOf(column);
        column.link = linkOf(column);
      });
      new DataTable(host, { caption, columns, file });
    }));
  };
  const watch = new IntersectionObserver(
    entries => entries.some(entry => entry.isIntersecting) && fill(), { rootMargin: "600px" });
  watch.observe(host);
  addEventListener("load", () => setTimeout(() => requestIdleCallback(fill), 500));
}

/** Jumps over the links to what is shown, whose address stays. */
function skip(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

/** A table that is wider than its place scrolls there; others do not, so that their heads can stay. */
const widths = new ResizeObserver(entries => {
  for (const box of new Set(entries.map(({ target }) => target.closest(".scroll")))) {
    box.classList.toggle("cut", box.scrollWidth > box.clientWidth + 1);
    markEnd(box);
  }
});

/** Marks a table of which there is more below. */
function markEnd(box) {
  box.classList.toggle("long", box.scrollTop + box.clientHeight < box.scrollHeight - 2);
}

function watchWidths(host) {
  host.querySelectorAll(".scroll:has(> table)").forEach(box => {
    widths.observe(box);
    widths.observe(box.firstElementChild);
    box.addEventListener("scroll", () => markEnd(box), { passive: true });
  });
}

async function start() {
  document.documentElement.classList.add("lively");
  document.documentElement.style.setProperty("--links", `${document.querySelector("nav").offsetHeight}px`);
  watchWidths(document);
  const { views, charts: drawnCharts = [], tables = [] } = pageData();
  drawnCharts.forEach(chart => {
    const host = document.getElementById(chart.place);
    host.hidden = false;
    drawCharts(host, chart);
  });
  tables.forEach(fillLater);
  const [units, concepts] = ["unit-table", "concept-table"].map(id => document.getElementById(id));
  addEventListener("hashchange", () => showProblem(follow()));
  addEventListener("keydown", press);
  document.querySelector(".skip").addEventListener("click", skip);
  if (views.length && units) new Tables(units, concepts);
  await follow();
  document.documentElement.dataset.ready = "yes";
}

addEventListener("DOMContentLoaded", () => showProblem(start()));
