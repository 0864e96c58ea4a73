// What does the page show when it opens, and when its address changes?

function complain(error) {
  const notice = document.getElementById("problem");
  notice.hidden = false;
  notice.textContent = `Something could not be shown: ${error.message}`;
}

/** Shows the unit or concept of the address, or the sections. */
async function follow() {
  const address = readAddress(location.hash);
  const [detail, sections] = ["detail", "sections"].map(id => document.getElementById(id));
  const isDetail = Boolean((address.unit || address.concept) && pageData().views.length);
  if (isDetail) await (address.unit ? unitPage : conceptPage)(detail, address);
  detail.hidden = !isDetail;
  sections.hidden = isDetail;
  document.title = [detail.querySelector("h1")?.textContent, pageData().name].filter(Boolean).join(" – ");
  if (isDetail) {
    scrollTo(0, 0);
    detail.querySelector("h1").focus();
  } else {
    detail.replaceChildren();
    document.title = pageData().name;
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target) target.scrollIntoView();
  }
}

const showProblem = promise => promise.catch(complain);

/** Arrow keys step through units, Escape goes back, and a slash searches. */
function press(event) {
  if (event.target.closest("input, select, textarea, .scroll") || event.ctrlKey || event.metaKey || event.altKey) return;
  const link = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (link) document.querySelector(`#detail a[rel=${link}]`)?.click();
  else if (event.key === "Escape" && !document.getElementById("detail").hidden) location.hash = "#units";
  else if (event.key === "/") {
    event.preventDefault();
    document.querySelector("#units input[type=search]")?.focus();
  }
}

/** A chart of a choice of curves, with the boxes that choose. */
function drawCharts(host, { title, choices, x }) {
  const [box, select] = [make("div", { class: "chart" }), { value: 0 }];
  const draw = () => {
    box.replaceChildren();
    new Chart(box, { title: choices[select.value].title, x, ...choices[select.value] });
  };
  const controls = choices.length > 1
    ? choice(title, choices.map(({ title: text }, index) => [String(index), text]), "0",
        index => { select.value = index; draw(); })
    : null;
  host.replaceChildren(make("div", { class: "controls" }, controls), box);
  draw();
}

async function start() {
  document.documentElement.classList.add("lively");
  const { views, charts: drawnCharts = [], tables = [] } = pageData();
  drawnCharts.forEach(chart => {
    const host = document.getElementById(chart.place);
    host.hidden = false;
    drawCharts(host, chart);
  });
  tables.forEach(table => new DataTable(document.getElementById(table.place), {
    ...table, columns: table.columns.map(column => ({ ...column, link: linkOf(column) })),
  }));
  const [units, concepts] = ["unit-table", "concept-table"].map(id => document.getElementById(id));
  addEventListener("hashchange", () => showProblem(follow()));
  addEventListener("keydown", press);
  if (views.length && units) new Tables(units, concepts);
  await follow();
  document.documentElement.dataset.ready = "yes";
}

/** The addresses of a column: those it comes with. */
function linkOf(column) {
  return column.links ? row => column.links[row] : undefined;
}

addEventListener("DOMContentLoaded", () => showProblem(start()));
