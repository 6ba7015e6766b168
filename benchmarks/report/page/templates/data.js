// The points as the report computed them, and what of them is in view.
const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const FIELDS = ["metric", "dataset", "protocol", "level", "family", "comparison"];
const ALL = "";
const view = { text: "", sort: "method", descending: false, all: false, bands: false };

const POINTS = DATA.rows.map((r) => ({
  comparison: DATA.comparisons[r[0]][0], dataset: DATA.datasets[r[1]], protocol: DATA.protocols[r[2]], level: r[3],
  label: DATA.labels[r[4]], family: DATA.families[r[5]], done: r[6], asked: r[7], failed: r[8], seconds: r[9],
  steps: r[10], values: r[11],
}));

const metric = () => DATA.metrics[view.metric];
const indexIn = (list, name) => list.findIndex((each) => (Array.isArray(each) ? each[0] : each) === name);
const decimals = (dataset, of = metric()) =>
  DATA.decimals[`${indexIn(DATA.comparisons, view.comparison)} ${indexIn(DATA.datasets, dataset)} ${indexIn(DATA.protocols, view.protocol)}`]?.[of.index] ?? of.decimals;
const show = (value, dataset, of = metric()) => (value * of.scale).toFixed(decimals(dataset, of));
const titleOf = (label) => DATA.titles[label] ?? label;
const better = (a, b) => (metric().higher ? a > b : a < b);
const levelName = (level) =>
  view.protocol === "few" ? `${level} minority image${level === 1 ? "" : "s"}` : level <= 0 ? "natural" : `IR ${level}`;

// One metric of a point: mean, standard deviation and number of seeds; undefined where it was not measured.
function measured(point, of = metric()) {
  const value = point && point.values[of.index];
  return value ? { mean: value[0], sd: value[1], n: value[2] ?? point.done } : undefined;
}

function inGroup(point) {
  return point.comparison === view.comparison && point.protocol === view.protocol &&
    (view.dataset === ALL || point.dataset === view.dataset);
}

const levelsInView = () => [...new Set(POINTS.filter(inGroup).map((p) => p.level))].sort((a, b) => a - b);

// Rows of the table: one a method and dataset, its points by level, with marks for the best of each dataset.
function tableRows() {
  const rows = new Map();
  for (const point of POINTS) {
    if (!inGroup(point)) continue;
    const key = JSON.stringify([point.dataset, point.label]);
    if (!rows.has(key)) rows.set(key, { label: point.label, family: point.family, dataset: point.dataset, at: new Map() });
    rows.get(key).at.set(point.level, point);
  }
  const list = [...rows.values()];
  list.forEach(addCost);
  addAverages(list);
  addMarks(list);
  const text = view.text.trim().toLowerCase();
  return list.filter((row) => (view.family === ALL || row.family === view.family) && (row.label + "\n" + titleOf(row.label)).toLowerCase().includes(text));
}

function addCost(row) {
  const middle = (values) => {
    const sorted = values.filter((v) => v !== null).sort((a, b) => a - b);
    const half = Math.floor(sorted.length / 2);
    if (!sorted.length) return undefined;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  };
  row.seconds = middle([...row.at.values()].map((p) => p.seconds));
  row.steps = middle([...row.at.values()].map((p) => p.steps));
}

// The mean over the levels at which anything was measured on that dataset; a method that lacks one has none.
function addAverages(rows) {
  const levels = new Map();
  for (const row of rows) for (const [level, point] of row.at) {
    if (!measured(point)) continue;
    if (!levels.has(row.dataset)) levels.set(row.dataset, new Set());
    levels.get(row.dataset).add(level);
  }
  for (const row of rows) {
    row.levels = levels.get(row.dataset) ?? new Set();
    const values = [...row.levels].map((level) => measured(row.at.get(level))?.mean);
    row.average = values.length && values.every((v) => v !== undefined) ? values.reduce((a, b) => a + b, 0) / values.length : undefined;
  }
}

// Best and second among methods with all seeds unless there are none; means that are shown alike share a mark.
function addMarks(rows) {
  const columns = new Map();
  const add = (key, row, name, value, whole) => {
    if (!columns.has(key)) columns.set(key, []);
    columns.get(key).push({ row, name, value, whole });
  };
  for (const row of rows) {
    row.marks = {};
    if (row.family === "variants") continue; // beside their method, out of the ranking
    for (const [level, point] of row.at) {
      const value = measured(point);
      if (value) add(`${row.dataset}\n${level}`, row, `L${level}`, value.mean, value.n >= point.asked);
    }
    if (row.average !== undefined) add(`${row.dataset}\naverage`, row, "average", row.average, true);
  }
  for (const entries of columns.values()) {
    const whole = entries.filter((e) => e.whole);
    const fair = whole.length ? whole : entries;
    const [first, second] = [...new Set(fair.map((e) => e.value).sort((a, b) => (better(a, b) ? -1 : 1)).map((v) => show(v, fair[0].row.dataset)))];
    for (const e of fair) {
      const shown = show(e.value, e.row.dataset);
      e.row.marks[e.name] = shown === first ? "best" : shown === second ? "second" : "";
    }
  }
}
