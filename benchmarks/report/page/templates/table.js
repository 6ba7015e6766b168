// The table: columns, sorting, drawing.
const MAX_ROWS = 150; // laying out more takes longer than a reader wants to wait; a button shows the rest

function columns() {
  const levels = view.level === ALL ? levelsInView() : [Number(view.level)];
  const list = [
    { key: "method", title: "Method", value: (row) => titleOf(row.label) },
    { key: "family", title: "Family", value: (row) => DATA.families.indexOf(row.family), text: (row) => row.family },
  ];
  if (view.dataset === ALL) list.push({ key: "dataset", title: "Dataset", value: (row) => DATA.dataset_titles[row.dataset] });
  for (const level of levels) {
    list.push({ key: `L${level}`, title: levelName(level), level, numeric: true, value: (row) => measured(row.at.get(level))?.mean });
  }
  if (view.level === ALL) {
    list.push({ key: "average", title: "Average", numeric: true, value: (row) => row.average, text: (row) => show(row.average, row.dataset) });
  }
  const auroc = DATA.metrics.roc_auc; // beside accuracy, which depends on a threshold, what does not
  if (view.metric === "accuracy" && auroc) {
    list.push({ key: "roc_auc", title: auroc.title, numeric: true, value: (row) => meanOf(row, levels, auroc), text: (row) => show(meanOf(row, levels, auroc), row.dataset, auroc) });
  }
  list.push({ key: "seconds", title: "Fit (s)", numeric: true, value: (row) => row.seconds, text: (row) => row.seconds.toFixed(1) });
  list.push({ key: "steps", title: "Steps", numeric: true, value: (row) => row.steps, text: (row) => row.steps.toFixed(0) });
  return list;
}

// A metric's mean over some levels, of a method that has all that its dataset has.
function meanOf(row, levels, of) {
  const asked = levels.filter((level) => (row.levels ?? []).has(level));
  const values = asked.map((level) => measured(row.at.get(level), of)?.mean);
  return values.length && values.every((v) => v !== undefined) ? values.reduce((a, b) => a + b, 0) / values.length : undefined;
}

function sorted(rows, column) {
  const sign = view.descending ? -1 : 1;
  const compare = (a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined); // what is missing comes last
    return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
  };
  return [...rows].sort((a, b) => compare(a, b) || a.label.localeCompare(b.label) || a.dataset.localeCompare(b.dataset));
}

// What a cell of the table says: the text, a remark where seeds are missing, and its mark.
function entry(row, column) {
  if (column.level === undefined) {
    const value = column.value(row);
    return { main: value === undefined ? "n/a" : (column.text ?? column.value)(row), gap: value === undefined, mark: row.marks[column.key] };
  }
  const point = row.at.get(column.level);
  const value = measured(point);
  if (!point) return { main: DATA.skipped[JSON.stringify([row.dataset, view.protocol, column.level])] ? "skipped" : "n/a", gap: true };
  const failed = point.failed ? `, ${point.failed} failed` : "";
  const remark = (value?.n ?? 0) < point.asked ? `${value?.n ?? 0}/${point.asked}${failed}` : "";
  if (!value) return { main: point.failed ? "failed" : "n/a", remark, gap: true };
  return { main: show(value.mean, row.dataset), sd: value.sd === null ? undefined : show(value.sd, row.dataset), remark, mark: row.marks[column.key] };
}

function cell(row, column) {
  const part = entry(row, column);
  const td = document.createElement(column.key === "method" ? "th" : "td");
  if (column.key === "method") td.scope = "row";
  if (column.numeric) td.className = "num";
  const main = part.mark === "best" ? document.createElement("b") : part.mark === "second" ? document.createElement("u") : document.createElement("span");
  main.textContent = part.main;
  if (column.key === "method") {
    const about = document.getElementById(`m-${DATA.labels.indexOf(row.label)}`);
    if (about) {
      const link = document.createElement("a");
      link.href = `#${about.id}`;
      link.append(main.textContent);
      main.replaceChildren(link);
    }
    td.title = row.label;
  }
  if (part.gap) main.className = "gap";
  td.append(main);
  const after = (part.sd === undefined ? "" : ` ± ${part.sd}`) + (part.remark ? ` (${part.remark})` : "");
  if (after) {
    const sd = document.createElement("span");
    sd.className = "sd";
    sd.textContent = after;
    td.append(sd);
  }
  return td;
}

function header(list) {
  const line = document.createElement("tr");
  for (const column of list) {
    const th = document.createElement("th");
    th.scope = "col";
    if (column.numeric) th.className = "num";
    const active = column.key === view.sort;
    th.setAttribute("aria-sort", active ? (view.descending ? "descending" : "ascending") : "none");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.key = column.key;
    button.textContent = column.title + (active ? (view.descending ? " ▼" : " ▲") : "");
    th.append(button);
    line.append(th);
  }
  return line;
}

function currentView() {
  const list = columns();
  const column = list.find((c) => c.key === view.sort) ?? list[0];
  return { columns: list, rows: sorted(tableRows(), column) };
}

function drawTable() {
  const { columns: list, rows } = currentView();
  const shown = view.all ? rows : rows.slice(0, MAX_ROWS);
  const focused = document.activeElement?.dataset?.key;
  const body = document.createDocumentFragment();
  for (const row of shown) {
    const line = document.createElement("tr");
    for (const column of list) line.append(cell(row, column));
    body.append(line);
  }
  byId("grid").tHead.replaceChildren(header(list));
  byId("grid").tBodies[0].replaceChildren(body);
  if (focused) [...byId("grid").tHead.querySelectorAll("button")].find((b) => b.dataset.key === focused)?.focus();
  byId("more").hidden = shown.length === rows.length;
  byId("more").textContent = `Show all ${rows.length} rows`;
  byId("count").textContent = `${rows.length} row${rows.length === 1 ? "" : "s"}. `;
}
