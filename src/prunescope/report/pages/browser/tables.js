// Which units and concepts does a layer of a level have, in tables to be searched?

const pageData = () => prunescope.chunks.page;
const conceptName = code => (code < 0 ? null : pageData().concepts.names[code]);
const conceptCategory = code => (code < 0 ? null : pageData().concepts.categories[code]);
const layersOf = () => [...new Set(pageData().views.map(view => view.layer))];
const viewsOf = layer => pageData().views.filter(view => view.layer === layer);
const viewAt = (layer, key) => viewsOf(layer).find(view => view.key === key);

/** Whether units of equal number are the same ones: of one replicate, along the same directions. */
const isPaired = (one, other) => one.replicate === other.replicate && one.axes === other.axes;
const pairedWith = view => viewsOf(view.layer).filter(each => each !== view && isPaired(view, each));
/** The view that a view's units are compared with: the unpruned network of its replicate, or A. */
const startOf = view => viewsOf(view.layer).find(each => each.starts && each.replicate === view.replicate);

const CERTAIN = 0.95 - 1e-9;  // as comparison/outcomes.py
const certainty = share => (share >= CERTAIN ? "certain" : "undecided");
const sureness = share => `${certainty(share)}: ${written(share, "percent")} of draws`;

const encoded = parts => parts.map(encodeURIComponent).join("/");
const at = view => (view.key ? `&at=${encoded(view.key.split("/"))}` : "");
const unitAddress = (view, unit) => `#unit=${encoded([view.layer, unit])}${at(view)}`;
const conceptAddress = (view, code) =>
  `#concept=${encoded([conceptCategory(code), conceptName(code)])}` +
  `&layer=${encodeURIComponent(view.layer)}${at(view)}`;

/** Says what became of a unit: each side is a concept's code and whether it is interpretable. */
function outcomeOf(before, after) {
  if (before.interpretable && after.interpretable) {
    return before.concept === after.concept ? "kept" : "relabelled";
  }
  if (before.interpretable) return "lost";
  return after.interpretable ? "gained" : "neither";
}

const rowOf = (table, index) => ({
  concept: table.concept[index], iou: table.iou[index],
  interpretable: Boolean(table.interpretable[index]), dead: Boolean(table.dead[index]),
});

const MORE_COLUMNS = [
  ["precision", "Precision", "share"], ["recall", "Recall", "share"], ["f1", "F1", "share"],
  ["pearson", "Pearson", "share"], ["auprc", "AUPRC", "share"],
  ["interpretable_share", "Interpretable in draws", "percent"],
  ["concept_share", "With its concept", "percent"],
  ["p", "p", "p"],
];

/** Says whether a unit is beyond chance, which too few draws leave open. */
const beyondChance = (table, row) =>
  table.undecided?.[row] ? "undecided" : written(table.discovery[row], "truth");

function unitColumns(view, table, start, other) {
  const named = name => table[name].map(conceptName);
  const columns = [
    { title: "Unit", kind: "count", values: table.unit, rises: true, searched: true,
      link: row => unitAddress(view, table.unit[row]) },
    { title: "Concept", kind: "text", values: named("concept"),
      link: row => conceptAddress(view, table.concept[row]) },
    { title: "Category", kind: "text", values: table.concept.map(conceptCategory), filter: "choice" },
    { title: "IoU", kind: "share", values: table.iou },
    { title: "Interpretable", kind: "truth", values: table.interpretable, filter: "truth" },
  ];
  if (start) columns.push(...sinceColumns(table, start));
  for (const [name, title, kind] of MORE_COLUMNS) {
    if (table[name]) columns.push({ title, kind, values: table[name], rises: name === "p" });
  }
  if (table.discovery) {
    columns.push({ title: "Beyond chance", kind: "text", filter: "choice",
      values: table.unit.map((_, row) => beyondChance(table, row)) });
  }
  if (table.concept_2) {
    columns.push({ title: "Second", kind: "text", values: named("concept_2") });
    columns.push({ title: "Its IoU", kind: "share", values: table.iou_2 });
  }
  if (table.concept_3) {
    columns.push({ title: "Third", kind: "text", values: named("concept_3") });
    columns.push({ title: "IoU of the third", kind: "share", values: table.iou_3 });
  }
  if (table.word) {
    columns.push({ title: "Word", kind: "text", values: table.word });
    columns.push({ title: "Soft WPMI", kind: "value", values: table.wpmi });
    columns.push({ title: "p of the word", kind: "p", values: table.word_p, rises: true });
    columns.push({ title: "Word by correlation", kind: "text", values: table.correlated_word });
    columns.push({ title: "Correlation", kind: "share", values: table.correlation });
  }
  return other ? [...columns, ...besideColumns(table, other)] : columns;
}

const GONE = { interpretable: false, concept: -1, iou: null };

/** The rows of another level's table for the same units by number; null for those that it lacks. */
function rowsOfUnits(table, units) {
  const rows = new Map(units.unit.map((unit, index) => [unit, index]));
  return table.unit.map(unit => (rows.has(unit) ? rowOf(units, rows.get(unit)) : null));
}

/** What became of each unit since the unpruned network, and how sure that is. */
function sinceColumns(table, { view, units }) {
  const outcomes = rowsOfUnits(table, units).map((before, index) =>
    outcomeOf(before ?? GONE, rowOf(table, index)));
  const columns = [{ title: `Since ${view.short}`, kind: "text", values: outcomes, filter: "choice", mark: true }];
  const shares = table.outcome_share;
  if (!shares?.some(isKnown)) return columns;
  return [...columns,
    { title: "Holds in draws", kind: "percent", values: shares },
    { title: "Certain", kind: "truth", filter: "truth",
      values: shares.map(share => (isKnown(share) ? share >= CERTAIN : null)) }];
}

/** The columns of another level, for the same units by number. */
function besideColumns(table, { view, units }) {
  const beside = rowsOfUnits(table, units);
  const outcomes = table.unit.map((_, index) =>
    outcomeOf(rowOf(table, index), beside[index] ?? GONE));
  return [
    { title: "There", kind: "text", values: beside.map(row => row && conceptName(row.concept)),
      link: row => unitAddress(view, table.unit[row]) },
    { title: "IoU there", kind: "share", values: beside.map(row => row?.iou ?? null) },
    { title: "Outcome there", kind: "text", values: outcomes, filter: "choice", mark: true },
  ];
}

/** Counts the interpretable units of each concept, and names its best. */
function conceptRows(table) {
  const found = new Map();
  table.unit.forEach((unit, index) => {
    if (!table.interpretable[index]) return;
    const row = found.get(table.concept[index]) ?? { units: 0, best: unit, iou: -1 };
    row.units += 1;
    if (table.iou[index] > row.iou) Object.assign(row, { best: unit, iou: table.iou[index] });
    found.set(table.concept[index], row);
  });
  return found;
}

function conceptColumns(view, table) {
  const found = [...conceptRows(table)].sort(([, a], [, b]) => b.units - a.units || b.iou - a.iou);
  const codes = found.map(([code]) => code), rows = found.map(([, row]) => row);
  return [
    { title: "Concept", kind: "text", values: codes.map(conceptName),
      link: row => conceptAddress(view, codes[row]) },
    { title: "Category", kind: "text", values: codes.map(conceptCategory), filter: "choice" },
    { title: "Units", kind: "count", values: rows.map(row => row.units) },
    { title: "Best unit", kind: "count", values: rows.map(row => row.best), rises: true,
      link: row => unitAddress(view, rows[row].best) },
    { title: "Its IoU", kind: "share", values: rows.map(row => row.iou) },
  ];
}

function choice(label, options, chosen, change) {
  const select = make("select", { onchange: () => change(select.value) },
    ...options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
  return make("label", {}, `${label} `, select);
}

/** Says what a unit is where a layer was dissected along directions. */
function directionsNote(view) {
  if (!view.basis) return [];
  const others = viewsOf(view.layer).some(each => each !== view && each.axes !== view.axes);
  return [make("p", { class: "note directions" }, `What is called a unit here is one of the ${view.basis}.` +
    (others ? " Other levels have other directions: equal numbers are not the same direction, so nothing " +
      "follows one through the levels; concepts can be followed." : ""))];
}

/** The tables of units and concepts, with a choice of layer, level, and a level beside it. */
class Tables {
  constructor(units, concepts) {
    Object.assign(this, { units, concepts, layer: layersOf()[0], beside: "" });
    this.key = viewsOf(this.layer)[0].key;
    this.draw();
  }

  async draw() {
    const views = viewsOf(this.layer);
    const view = viewAt(this.layer, this.key) ?? views[0];
    const table = await load(view.units);
    const loaded = async other => other && { view: other, units: await load(other.units) };
    const others = pairedWith(view);
    const beside = await loaded(others.find(each => `=${each.key}` === this.beside) ?? null);
    const start = await loaded(others.find(each => each === startOf(view)) ?? null);
    const choices = this.choices(views, view, others);
    const [unitsHost, conceptsHost] = [make("div"), make("div")];
    this.units.replaceChildren(choices, ...directionsNote(view), unitsHost);
    this.concepts.replaceChildren(conceptsHost);
    const title = [view.layer, view.title].filter(Boolean).join(", ");
    const columns = unitColumns(view, table, start, beside);
    const byIou = columns.find(column => column.title === "IoU");
    const name = `${view.layer}${view.key ? `-${view.key}` : ""}`.replace(/[^\w.-]+/g, "-");
    this.table = new DataTable(unitsHost, { caption: `Units of ${title}`, columns,
      file: `units-${name}.csv`, sorted: { column: byIou, up: false } });
    new DataTable(conceptsHost, { caption: `Concepts of ${title}`,
      columns: conceptColumns(view, table), file: `concepts-${name}.csv`,
      nothing: "No unit here is interpretable, so there is no concept." });
  }

  choices(views, view, others) {
    const change = changes => { Object.assign(this, changes); this.draw(); };
    const titles = views.map(each => [each.key, each.title]);
    return make("div", { class: "controls" },
      layersOf().length > 1
        ? choice("Layer", layersOf().map(name => [name, name]), this.layer, layer => change({ layer }))
        : null,
      views.length > 1 ? choice("Level", titles, view.key, key => change({ key })) : null,
      others.length
        ? choice("beside", [["", "nothing"], ...others.map(each => [`=${each.key}`, each.title])],
            this.beside, beside => change({ beside }))
        : null);
  }
}
