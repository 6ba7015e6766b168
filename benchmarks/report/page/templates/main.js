// Controls, the address (so that a view survives a reload and can be passed on), and the first drawing.
let chartVisible = false;
let chartTimer;
let addressTimer;

function options(id, values, withAll) {
  const list = values.map(([value, title]) => new Option(title, value));
  byId(id).replaceChildren(...(withAll ? [new Option(withAll, ALL)] : []), ...list);
}

function fillControls() {
  options("f-metric", Object.entries(DATA.metrics).map(([name, m]) => [name, m.title]));
  options("f-dataset", DATA.datasets.map((d) => [d, DATA.dataset_titles[d]]), "all");
  options("f-protocol", DATA.protocols.map((p) => [p, DATA.protocol_titles[p]]));
  options("f-family", DATA.families.map((f) => [f, f]), "all");
  // what follows the colon is the same in all, but not the steps or the backbone after it
  options("f-comparison", DATA.comparisons.map(([name, title]) => [name, title.replace(/:[^;]*/, "")]));
}

// Only what has points can be chosen: datasets of the comparison, protocols of the dataset.
function fillDependent() {
  const here = POINTS.filter((p) => p.comparison === view.comparison);
  const datasets = DATA.datasets.filter((name) => here.some((p) => p.dataset === name));
  options("f-dataset", datasets.map((d) => [d, DATA.dataset_titles[d]]), "all");
  if (view.dataset !== ALL && !datasets.includes(view.dataset)) view.dataset = datasets[0];
  byId("f-dataset").value = view.dataset;
  const mine = here.filter((p) => view.dataset === ALL || p.dataset === view.dataset);
  const protocols = DATA.protocols.filter((name) => mine.some((p) => p.protocol === name));
  options("f-protocol", protocols.map((p) => [p, DATA.protocol_titles[p]]));
  if (!protocols.includes(view.protocol)) view.protocol = protocols[0];
  byId("f-protocol").value = view.protocol;
  fillLevels();
}

function fillLevels() {
  const levels = levelsInView();
  options("f-level", levels.map((l) => [String(l), levelName(l)]), "all");
  if (!levels.some((l) => String(l) === view.level)) view.level = ALL;
  byId("f-level").value = view.level;
}

function defaults() {
  Object.assign(view, { metric: DATA.metric, dataset: DATA.datasets[0], protocol: DATA.protocols[0], level: ALL, family: ALL,
    comparison: DATA.comparisons[0][0], text: "", sort: "average", descending: DATA.metrics[DATA.metric].higher, all: false });
}

function readAddress() {
  const known = new URLSearchParams(location.hash.slice(1));
  for (const name of FIELDS) {
    const value = known.get(name);
    if (value !== null && (name === "level" || [...byId(`f-${name}`).options].some((o) => o.value === value))) view[name] = value;
  }
  view.text = known.get("text") ?? "";
  view.sort = known.get("sort") ?? view.sort;
  if (known.has("descending")) view.descending = known.get("descending") === "true";
}

// Browsers refuse to change the address on every keystroke.
function writeAddress() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(keepView, 250);
}

function keepView() {
  const state = new URLSearchParams({ view: "table" });
  for (const name of [...FIELDS, "text", "sort", "descending"]) state.set(name, view[name]);
  history.replaceState(null, "", "#" + state);
}

function showControls() {
  for (const name of FIELDS) byId(`f-${name}`).value = view[name];
  byId("f-text").value = view.text;
}

function update() {
  fillDependent();
  drawTable();
  laterChart();
}

// The table answers at once; the curves follow when the eye can be there.
function laterChart() {
  clearTimeout(chartTimer);
  if (chartVisible) chartTimer = setTimeout(drawChart, 150);
}

function start() {
  fillControls();
  defaults();
  readAddress();
  showControls();
  update();
  for (const name of FIELDS) byId(`f-${name}`).addEventListener("change", (event) => {
    const higher = metric().higher;
    view[name] = event.target.value;
    // the best stays on top where another metric counts the other way round
    if (name === "metric" && metric().higher !== higher && (view.sort === "average" || view.sort.startsWith("L"))) view.descending = metric().higher;
    update();
    writeAddress();
  });
  byId("f-text").addEventListener("input", (event) => {
    view.text = event.target.value;
    update();
    writeAddress();
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("reset").addEventListener("click", (event) => {
    event.preventDefault();
    defaults();
    showControls();
    update();
    writeAddress();
  });
  byId("grid").tHead.addEventListener("click", (event) => {
    const key = event.target.dataset.key;
    if (!key) return;
    const numeric = !["method", "family", "dataset"].includes(key);
    // The first click on a number brings the best (or the cheapest) to the top.
    const higher = key === "roc_auc" || metric().higher;
    view.descending = view.sort === key ? !view.descending : numeric && !["seconds", "steps"].includes(key) && higher;
    view.sort = key;
    drawTable();
    writeAddress();
  });
  byId("more").addEventListener("click", () => { view.all = true; drawTable(); });
  byId("csv").addEventListener("click", () => download(`${stem()}.csv`, csvText(currentView()), "text/csv"));
  byId("tex").addEventListener("click", () => download(`${stem()}.tex`, texText(currentView()), "application/x-tex"));
  byId("bands").addEventListener("click", () => {
    view.bands = !view.bands;
    byId("bands").setAttribute("aria-pressed", String(view.bands));
    drawChart();
  });
  byId("grid").tBodies[0].addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault(); // the address holds the view
    const entry = document.querySelector(link.getAttribute("href"));
    entry.closest("details").open = true;
    entry.scrollIntoView({ block: "center" });
    entry.focus({ preventScroll: true });
  });
  new IntersectionObserver((entries) => {
    if (!entries.some((e) => e.isIntersecting)) return;
    if (!chartVisible) { chartVisible = true; drawChart(); }
  }, { rootMargin: "200px" }).observe(byId("chart"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", laterChart);
}

start();
