// How is a table searched, sorted, filtered and exported?

const ROWS_SHOWN = 50;
const collator = new Intl.Collator("en", { numeric: true });

/**
 * A table of many rows. A column has `title`, `kind` (see `written`), `values` by row, and may have
 * `link(row)`, an address, and `filter`: "choice" to choose one of its texts, "truth" for a box.
 * The first column names the rows. nothing: what is said of a table without any.
 */
class DataTable {
  constructor(host, { caption, columns, file, sorted = null, nothing = "There are none." }) {
    Object.assign(this, { host, caption, columns, file, order: sorted, nothing, shown: ROWS_SHOWN });
    this.length = columns[0].values.length;
    this.choices = new Map();
    this.inputs = new Map();
    this.search = make("input", {
      type: "search", placeholder: "Search", "aria-label": `Search ${caption}`,
      oninput: () => this.reset(),
    });
    this.status = make("p", { class: "status", role: "status" });
    this.body = make("tbody");
    this.more = make("button", { type: "button", onclick: () => this.extend() });
    this.rest = make("p", { class: "note printed" });
    this.blank = make("div", { class: "blank" });
    host.replaceChildren(this.controls(), this.frame(), this.blank, this.more, this.rest);
    watchWidths(host);
    this.reset();
  }

  controls() {
    const filters = this.columns.filter(column => column.filter).map(column => this.filter(column));
    const exported = make("button", { type: "button", onclick: () => this.export() }, "CSV");
    exported.title = "Save the rows that are shown, in this order";
    return make("div", { class: "controls" }, this.search, ...filters, exported, this.status);
  }

  filter(column) {
    const choose = test => {
      if (test) this.choices.set(column, test);
      else this.choices.delete(column);
      this.reset();
    };
    if (column.filter === "truth") {
      const box = make("input", {
        type: "checkbox", onchange: () => choose(box.checked && (value => Boolean(value))),
      });
      this.inputs.set(column, box);
      return make("label", {}, box, ` ${column.title} only`);
    }
    const texts = [...new Set(column.values.filter(isKnown))].sort(collator.compare);
    const select = make(
      "select",
      { "aria-label": column.title,
        onchange: () => choose(select.value && (value => value === texts[select.value - 1])) },
      make("option", { value: "" }, `any ${column.title.toLowerCase()}`),
      ...texts.map((text, index) => make("option", { value: index + 1 }, text)),
    );
    this.inputs.set(column, select);
    return select;
  }

  /** Says why no row is left: what each search and filter leaves by itself; a button ends them. */
  explain() {
    if (this.found.length) return [];
    if (!this.length) return [make("p", { class: "note" }, this.nothing)];
    const all = Array.from({ length: this.length }, (_, row) => row);
    const left = (title, test) => `${title} leaves ${all.filter(test).length.toLocaleString("en")}`;
    const parts = [...this.choices].map(([column, test]) => {
      const input = this.inputs.get(column);
      const title = input.type === "checkbox" ? `“${column.title} only”`
        : `“${column.title}: ${input.selectedOptions[0].textContent}”`;
      return left(title, row => test(column.values[row]));
    });
    const words = this.words();
    if (words.length) parts.unshift(left(`“${this.search.value.trim()}”`, row => this.says(row, words)));
    const each = parts.length > 1 ? ", each by itself" : "";
    const clear = make("button", { type: "button", onclick: () => this.clear() }, "Show all rows");
    return [make("p", { class: "note" },
      `No row is left of ${this.length.toLocaleString("en")}: ${parts.join("; ")}${each}. `, clear)];
  }

  /** Ends the search and all filters. */
  clear() {
    this.search.value = "";
    this.choices.clear();
    this.inputs.forEach(input => {
      if (input.type === "checkbox") input.checked = false;
      else input.value = "";
    });
    this.reset();
    this.search.focus();
  }

  words() {
    return this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  }

  says(row, words) {
    return words.every(word => this.haystack(row).includes(word));
  }

  frame() {
    this.heads = this.columns.map(column => {
      const button = make("button", { type: "button", onclick: () => this.sort(column) }, column.title);
      return make("th", { scope: "col", class: this.side(column) }, button);
    });
    const table = make(
      "table", { class: "data" }, make("caption", {}, this.caption),
      make("thead", {}, make("tr", {}, ...this.heads)), this.body,
    );
    return make("div", { class: "scroll", role: "region", "aria-label": `Table: ${this.caption}`, tabindex: 0 }, table);
  }

  side(column) {
    return column.kind === "text" ? "text" : "";
  }

  sort(column) {
    const rising = column.kind === "text" || column.rises;
    const again = this.order?.column === column;
    this.order = { column, up: again ? !this.order.up : Boolean(rising) };
    this.reset();
  }

  /** What a row says, in small letters, to be searched. */
  haystack(row) {
    this.haystacks ??= Array.from({ length: this.length }, (_, index) =>
      this.columns.filter(column => column.kind === "text" || column.searched)
        .map(column => column.values[index] ?? "").join("\n").toLowerCase());
    return this.haystacks[row];
  }

  rows() {
    const words = this.words();
    const rows = [];
    for (let row = 0; row < this.length; row++) {
      const chosen = [...this.choices].every(([column, test]) => test(column.values[row]));
      if (chosen && this.says(row, words)) rows.push(row);
    }
    if (!this.order) return rows;
    const { column, up } = this.order;
    const compare = column.kind === "text" ? collator.compare : (a, b) => a - b;
    return rows.sort((a, b) => {
      const [first, second] = [column.values[a], column.values[b]];
      if (!isKnown(first) || !isKnown(second)) return isKnown(second) - isKnown(first);
      return up ? compare(first, second) : compare(second, first);
    });
  }

  reset() {
    this.shown = ROWS_SHOWN;
    this.found = this.rows();
    this.heads.forEach((head, index) => {
      const isSorted = this.order?.column === this.columns[index];
      const way = this.order?.up ? "ascending" : "descending";
      head.setAttribute("aria-sort", isSorted ? way : "none");
    });
    const whole = this.length.toLocaleString("en");
    const part = this.found.length.toLocaleString("en");
    this.status.textContent = part === whole ? counted(this.length, "row") : `${part} of ${whole} rows`;
    this.blank.replaceChildren(...this.explain());
    this.body.replaceChildren(...this.found.slice(0, this.shown).map(row => this.line(row)));
    this.label();
  }

  extend() {
    const next = this.found.slice(this.shown, this.shown + 4 * ROWS_SHOWN);
    this.shown += next.length;
    this.body.append(...next.map(row => this.line(row)));
    this.label();
  }

  label() {
    const left = this.found.length - this.shown;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show ${Math.min(left, 4 * ROWS_SHOWN)} more`;
    this.rest.hidden = left <= 0;
    this.rest.textContent = `${counted(left, "more row")} not shown.`;
  }

  line(row) {
    return make("tr", {}, ...this.columns.map((column, index) => {
      const text = written(column.values[row], column.kind);
      const address = isKnown(column.values[row]) ? column.link?.(row) : null;
      const content = address ? make("a", { href: address }, text) : text;
      const mark = column.mark ? `mark-${text}` : "";
      const cell = { class: `${this.side(column)} ${mark}`.trim() };
      return index ? make("td", cell, content) : make("th", { scope: "row", ...cell }, content);
    }));
  }

  export() {
    const lines = [this.columns.map(column => csvCell(column.title))];
    for (const row of this.found) lines.push(this.columns.map(column => csvCell(column.values[row])));
    save(this.file, lines.map(line => line.join(",")).join("\n") + "\n");
  }
}
