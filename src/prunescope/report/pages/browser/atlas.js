// What does a unit see, and which units see a concept? Each has an address.

const decoded = text => { try { return decodeURIComponent(text); } catch { return text; } };

/** Reads an address as `#unit=layer4/684&at=0/lottery/3`: lists of texts by name. */
function readAddress(hash) {
  const found = {};
  for (const part of hash.slice(1).split("&")) {
    const cut = part.indexOf("=");
    if (cut > 0) found[part.slice(0, cut)] = part.slice(cut + 1).split("/").map(decoded);
  }
  return found;
}

const fact = (term, ...content) => make("div", {}, make("dt", {}, term), make("dd", {}, ...content));
const conceptLink = (view, code) =>
  code < 0 ? UNDEFINED : make("a", { href: conceptAddress(view, code) }, conceptName(code));

/** The levels of every strategy of a view's replicate, and its twins, each from the unpruned network on. */
function tracksOf(view) {
  const views = viewsOf(view.layer).filter(each => each.replicate === view.replicate);
  const strategies = [...new Set(views.filter(each => each.track && !each.starts).map(each => each.track))];
  return strategies.map(track => ({
    track, views: views.filter(each => each.starts || each.track === track),
  }));
}

function unitFacts(view, table, row) {
  const label = rank => {
    const measured = [["pearson", "Pearson"], ["auprc", "AUPRC"]]
      .filter(([name]) => isKnown(table[`${name}_${rank}`]?.[row]))
      .map(([name, title]) => `, ${title} ${written(table[`${name}_${rank}`][row], "share")}`);
    const iou = `IoU ${written(table[`iou_${rank}`][row], "share")}`;
    return [conceptLink(view, table[`concept_${rank}`][row]), ` (${[iou, ...measured].join("")})`];
  };
  const facts = [
    fact("Concept", conceptLink(view, table.concept[row])),
    fact("Category", conceptCategory(table.concept[row]) ?? UNDEFINED),
    fact("IoU", written(table.iou[row], "share"),
      table.interpretable[row] ? ", interpretable" : ", not interpretable"),
  ];
  for (const [name, title, kind] of MORE_COLUMNS) {
    if (name !== "p" && isKnown(table[name]?.[row])) facts.push(fact(title, written(table[name][row], kind)));
  }
  if (table.concept_2) facts.push(fact("Second best", ...label(2)));
  if (table.concept_3) facts.push(fact("Third best", ...label(3)));
  for (const [length, formula, iou] of table.formulas?.[row] ?? []) {
    facts.push(fact(`Best formula of ${length} labels`, `${formula} (IoU ${written(iou, "share")})`));
  }
  if (isKnown(table.p?.[row])) facts.push(fact("Chance", chanceText(table, row)));
  if (table.word) {
    facts.push(fact("Word", wordText(table, row, "word", "wpmi", "soft WPMI", "word_p")));
    facts.push(fact("By correlation",
      wordText(table, row, "correlated_word", "correlation", "r", "correlation_p")));
  }
  if (isKnown(table.threshold?.[row])) facts.push(fact("Threshold", written(table.threshold[row], "value")));
  return make("dl", { class: "facts" }, ...facts);
}

function wordText(table, row, word, score, title, p) {
  if (!table[word][row]) return UNDEFINED;
  return `${table[word][row]} (${title} ${written(table[score][row], "value")}, p = ${written(table[p][row], "p")})`;
}

function chanceText(table, row) {
  const p = `p = ${written(table.p[row], "p")}`;
  if (table.undecided?.[row]) return `${p}, undecided`;
  if (table.discovery?.[row]) return `${p}, beyond chance (false discovery rate 5 %)`;
  if (!table.interpretable[row]) return `${p}; not interpretable, so no discovery`;
  return `${p}, not told from chance (false discovery rate 5 %)`;
}

/** One unit through all levels of every strategy: a link for each. */
async function strips(view, unit) {
  const tracks = tracksOf(view);
  if (!tracks.length) return "";
  if (!tracks.every(({ views }) => views.every(each => isPaired(view, each)))) {
    return make("div", {}, ...directionsNote(view));
  }
  const lists = await Promise.all(tracks.map(async ({ track, views }) => [
    make("h3", {}, track),
    make("ol", { class: "strip" }, ...await cards(view, views, unit)),
  ]));
  const title = view.reference ? "In both networks" : "Through all levels";
  const reference = view.reference ?? "the unpruned network";
  return make("section", { "aria-label": title }, make("h2", {}, title),
    make("div", { class: "tracks" }, ...lists.flat()),
    make("p", { class: "note" },
      `Each against ${reference}: kept with its concept, relabelled, lost, or born. ${surenessNote(view)}`));
}

/** Says what certain means on this page; nothing where images were not drawn anew. */
function surenessNote(view) {
  const { draws } = pageData();
  if (!draws) return "";
  const images = isKnown(view.images) ? `the ${counted(view.images, "image")}` : "the images";
  const training = view.reference ? "" : " This says how sure it is for other images; a dense twin, " +
    "trained again without pruning, shows what another training changes. Units of other replicates are other units.";
  return `Certain: it holds in at least 95 % of ${counted(draws, "draw")} of ${images}, unit by unit, ` +
    `not corrected for how many there are.${training}`;
}

async function cards(view, views, unit) {
  const tables = await Promise.all(views.map(each => load(each.units)));
  const rows = tables.map(table => {
    const index = table.unit.indexOf(unit);
    return index < 0 ? null : { ...rowOf(table, index), outcomeShare: table.outcome_share?.[index],
      interpretableShare: table.interpretable_share?.[index] };
  });
  return views.map((each, index) => {
    const row = rows[index];
    const unpruned = row?.interpretable ? "unpruned" : "neither";
    const outcome = index ? outcomeOf(rows[0] ?? GONE, row ?? GONE) : unpruned;
    const word = row === null ? "removed" : row.dead ? "never fires" : OUTCOME_WORDS[outcome];
    const share = index && outcome !== "neither"
      ? (row ? row.outcomeShare : rows[0]?.interpretableShare)  // removed: lost wherever it was seen
      : null;
    return make("li", {}, make("a", {
      href: unitAddress(each, unit), class: `card mark-${outcome}`,
      "aria-current": each === view ? "true" : null,
    }, make("span", { class: "level" }, each.short),
      make("b", {}, conceptName(row?.concept ?? -1) ?? UNDEFINED),
      make("span", {}, `IoU ${written(row?.iou, "share")}`), make("span", {}, word),
      isKnown(share) ? make("small", { class: certainty(share) }, sureness(share)) : null));
  });
}

const OUTCOME_WORDS = { kept: "kept", relabelled: "relabelled", lost: "lost", gained: "born",
  neither: "not interpretable", unpruned: "interpretable" };

/** Where the unit's highest activations lie, on a line from its threshold. */
function peaks(examples, threshold) {
  const top = Math.max(...examples.peaks, threshold);
  const bars = examples.peaks.map((peak, rank) => {
    const title = `Peak ${rank + 1}, from 0 to ${written(top, "value")}`;
    const bar = make("meter", { min: 0, max: top || 1, value: peak, "aria-label": title });
    return make("li", {}, bar, ` ${written(peak, "value")}`);
  });
  return make("details", {}, make("summary", {}, "Peaks of its top images"),
    make("ol", { class: "peaks" }, ...bars));
}

const examplesOf = async (view, row) => {
  if (!view.examples) return null;
  const block = await load(`${view.examples}-${Math.floor(row / view.block)}`);
  return block[row % view.block];
};

/** The top images of a unit, with its mask and the concept's. */
async function pictures(view, table, row) {
  const found = await examplesOf(view, row);
  if (!found || !found.images.length) return make("p", { class: "note" }, "No images are saved with it.");
  const examples = found.images.map((image, rank) =>
    ({ image, map: found.maps?.[rank], shape: found.shape, halfPixel: view.halfPixel }));
  return canvases(table, row, examples);
}

/** The images on which a unit's mask is smallest. */
async function borderline(view, table, row, title = "") {
  const found = await examplesOf(view, row);
  if (!found?.borderline?.length) {
    return found?.repeated ? [make("p", { class: "note" }, repeatedText(found, ""))] : [];
  }
  const examples = found.borderline.map((image, rank) => ({
    image, map: found.borderlineMaps?.[rank], shape: found.shape, halfPixel: view.halfPixel,
    note: counted(found.pixels[rank], "pixel"),
  }));
  const unknown = found.borderlineMaps ? "" : "; where they are is not saved";
  const heading = ["Where it barely fires", title].filter(Boolean).join(", ");
  return [make("h3", {}, heading), await canvases(table, row, examples),
    make("p", { class: "note" }, `Its smallest masks, in pixels of the label map${unknown}.`,
      found.repeated ? ` ${repeatedText(found, "more ")}` : "")];
}

/** Says that images on which a unit barely fires are among its top images. */
const repeatedText = ({ repeated }, more) => more
  ? `${counted(repeated, `${more}image`)} with small masks ${repeated === 1 ? "is" : "are"} among its top images.`
  : "It fires on so few images that those on which it barely fires are all among its top images.";

/** On how many images a unit's activation peaks at which value, and its threshold: as a chart. */
function histogramOf({ histogram: [width, first, images] }, threshold) {
  const places = [...images, 0].map((_, bin) => first + bin * width);
  const x = { title: "Highest activation on an image", kind: "value", bins: width };
  const curve = { title: "Images", x: places, y: [...images, 0], colour: 0, bars: true };
  const marks = isKnown(threshold) ? [{ x: threshold, title: "threshold" }] : [];
  return { title: "Peaks on all images", x,
    choices: [{ title: "Peaks on all images", y: { title: "Images", kind: "count" }, curves: [curve], marks }] };
}

async function canvases(table, row, examples) {
  const images = await load("images"), concept = table.concept[row];
  const name = conceptName(concept) ?? "no concept";
  return make("div", { class: "examples" }, ...examples.map(example => {
    const title = images.names[example.image];
    const canvas = make("canvas", { role: "img",
      "aria-label": `Unit ${table.unit[row]} (${name}) on ${title}` });
    drawExample(canvas, { ...example, concept }).catch(complain);
    const known = [example.note, images.missing[example.image] ? "its picture is gone" : title];
    return make("figure", { class: "example" }, canvas,
      make("figcaption", { title }, known.filter(Boolean).join(": ")));
  }));
}

function maskChoices(redraw, more = null) {
  const box = (name, text) => {
    const input = make("input", { type: "checkbox", checked: drawn[name],
      onchange: () => { drawn[name] = input.checked; redraw(); } });
    return make("label", { class: `key-${name}` }, input, ` ${text}`);
  };
  return make("div", { class: "controls" }, box("unit", "the unit's mask"),
    box("concept", "the concept's true mask"), more);
}

async function unitPage(host, address) {
  const [layer, number] = address.unit, unit = Number(number);
  const view = viewAt(layer, (address.at ?? [""]).join("/")) ?? viewsOf(layer)[0];
  if (!view) return missing(host, `There is no layer ${layer} on this page.`);
  const table = await load(view.units), row = table.unit.indexOf(unit);
  if (row < 0) {
    return missing(host, `${layer} has no unit ${number} here: it was removed, or there never was one.`);
  }
  const chosen = address.beside && viewAt(layer, address.beside.join("/"));
  const beside = chosen && isPaired(view, chosen) ? chosen : null;
  const near = step => table.unit[(row + step + table.unit.length) % table.unit.length];
  const step = (way, by, text) => make("a", { href: unitAddress(view, near(by)), rel: way }, text);
  const shown = make("div");
  const redraw = async () => {
    const rows = beside ? [make("h3", {}, view.title)] : [];
    rows.push(await pictures(view, table, row));
    if (beside) rows.push(...await besidePictures(beside, unit));
    shown.replaceChildren(...rows, ...await borderline(view, table, row, beside ? view.title : ""));
    if (beside) shown.append(...await besideBorderline(beside, unit));
  };
  await redraw();
  const found = await examplesOf(view, row);
  const histogram = found?.histogram ? make("div", { class: "histogram" }) : null;
  host.replaceChildren(
    heading(`Unit ${unit} of ${layer}`,
      [view.title, conceptName(table.concept[row]), view.basis && `one of the ${view.basis}`],
      step("prev", -1, "← previous"), step("next", 1, "next →")),
    unitFacts(view, table, row), await strips(view, unit),
    make("section", { "aria-label": "Top images" }, make("h2", {}, "Top images"), 
      maskChoices(redraw, besideChoice(view, unit, beside)), shown,
      found?.peaks && isKnown(table.threshold?.[row]) ? peaks(found, table.threshold[row]) : ""),
    histogram ? activations(histogram) : "");
  return () => histogram && drawCharts(histogram, histogramOf(found, table.threshold?.[row]));
}

const activations = histogram => make("section", { "aria-label": "Activation" },
  make("h2", {}, "Activation"), histogram,
  make("p", { class: "note" }, "How many of all images have their highest activation in each bin. " +
    "On those beyond the threshold the unit has a mask."));

async function besidePictures(beside, unit) {
  const table = await load(beside.units), row = table.unit.indexOf(unit);
  const title = make("h3", {}, beside.title);
  if (row < 0) return [title, make("p", { class: "note" }, "The unit was removed there.")];
  const text = `${conceptName(table.concept[row]) ?? "no concept"}, IoU ${written(table.iou[row], "share")}`;
  return [title, make("p", {}, text), await pictures(beside, table, row)];
}

async function besideBorderline(beside, unit) {
  const table = await load(beside.units), row = table.unit.indexOf(unit);
  return row < 0 ? [] : borderline(beside, table, row, beside.title);
}

function besideChoice(view, unit, beside) {
  const views = pairedWith(view);
  if (!views.length) return null;
  return choice("Beside it", [["", "nothing"], ...views.map(each => [`=${each.key}`, each.title])],
    beside ? `=${beside.key}` : "", key => {
      const more = key && `&beside=${encoded(key.slice(1).split("/"))}`;
      location.hash = `${unitAddress(view, unit)}${more}`;
    });
}

async function conceptPage(host, address) {
  const [category, name] = address.concept, { names, categories } = pageData().concepts;
  const code = names.findIndex((each, index) => each === name && categories[index] === category);
  const layer = (address.layer ?? [layersOf()[0]]).join("/");
  const view = viewAt(layer, (address.at ?? [""]).join("/")) ?? viewsOf(layer)[0];
  if (code < 0 || !view) return missing(host, `No unit here has the concept ${name}.`);
  const table = await load(view.units), rows = rowsOf(table, code);
  const shown = make("div");
  const redraw = async () => {
    const parts = await Promise.all(rows.slice(0, 8).map(async row => make("section", {},
      make("h2", {}, make("a", { href: unitAddress(view, table.unit[row]) }, `Unit ${table.unit[row]}`),
        ` IoU ${written(table.iou[row], "share")}${table.interpretable[row] ? "" : ", not interpretable"}`),
      await pictures(view, table, row))));
    shown.replaceChildren(...parts);
  };
  await redraw();
  host.replaceChildren(
    heading(name, [category, `${layer}${view.title ? `, ${view.title}` : ""}`]),
    make("p", {}, rows.length
      ? `${counted(rows.length, "unit")} here ${rows.length === 1 ? "has" : "have"} it as the best label.`
      : "No unit here has it as its best label."),
    await conceptLevels(view, code), maskChoices(redraw), shown);
}

const rowsOf = (table, code) => table.unit.map((_, row) => row)
  .filter(row => table.concept[row] === code).sort((a, b) => table.iou[b] - table.iou[a]);

/** Which units have a concept at each level of every strategy. */
async function conceptLevels(view, code) {
  const tables = await Promise.all(tracksOf(view).map(async ({ track, views }) => {
    const units = await Promise.all(views.map(each => load(each.units)));
    const lines = views.map((each, index) => conceptLine(each, units[index], code, index && units[0]));
    const since = views[0].reference ? `Against ${views[0].reference}` : `Since ${views[0].short}`;
    const titles = ["Level", "Units", "Best IoU", since, "Holds in draws", "Which"];
    const heads = titles.map((title, index) =>
      make("th", { scope: "col", class: [0, 3, 4, 5].includes(index) ? "text" : "" }, title));
    const caption = views[0].reference ? "Interpretable units in both networks"
      : `Interpretable units through all levels, ${track}`;
    return make("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 },
      make("table", {}, make("caption", {}, caption),
        make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...lines)));
  }));
  return make("div", {}, ...tables, tables.length && pageData().draws
    ? make("p", { class: "note" }, surenessNote(view).replace("unit by unit", "concept by concept")) : "");
}

/** A level's units of a concept. before: the table of the unpruned network, if it is another one. */
function conceptLine(view, table, code, before) {
  const seen = each => rowsOf(each, code).filter(row => each.interpretable[row]);
  const rows = seen(table);
  const [was, is] = [before && seen(before).length > 0, rows.length > 0];
  const outcome = was ? (is ? "kept" : "lost") : is ? "gained" : "neither";
  const word = { gained: "gained", neither: UNDEFINED }[outcome] ?? outcome;
  const share = before ? table.outcome_concept_share?.[table.outcome_concept.indexOf(code)] : null;
  const links = rows.flatMap(row =>
    [make("a", { href: unitAddress(view, table.unit[row]) }, String(table.unit[row])), " "]);
  const best = rows.length ? table.iou[rows[0]] : null;
  return make("tr", {},
    make("th", { scope: "row" }, make("a", { href: conceptAddress(view, code) }, view.short)),
    make("td", {}, String(rows.length)), make("td", {}, written(best, "share")),
    make("td", { class: `text mark-${outcome}` }, before ? word : UNDEFINED),
    make("td", { class: "text" }, isKnown(share) ? `${written(share, "percent")}, ${certainty(share)}` : UNDEFINED),
    make("td", { class: "text" }, ...links));
}

function heading(title, words, ...links) {
  return make("header", { class: "detail" },
    make("p", {}, make("a", { href: "#units" }, "All units"), " ",
      make("a", { href: "#concepts" }, "All concepts"), " ", ...links.flatMap(link => [link, " "])),
    make("h1", { tabindex: -1 }, title), make("p", { class: "lead" }, words.filter(Boolean).join(" · ")));
}

function missing(host, text) {
  host.replaceChildren(heading("Not here", []), make("p", {}, text));
}
