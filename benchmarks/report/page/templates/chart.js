// Curves with error bands, drawn by Plotly, which travels compressed in this page.
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid"];
const SYMBOLS = ["circle", "square", "triangle-up", "triangle-down", "diamond", "cross", "triangle-right", "triangle-left", "star"]; // as in the figures
let plotly;

function loadPlotly() {
  plotly ??= (async () => {
    const packed = Uint8Array.from(atob(byId("plotly-gz").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return window.Plotly;
  })();
  return plotly;
}

// Half of the 95 % interval of a mean over n seeds (Student's t), as in the figures.
const half = (value) => (value.n < 2 || value.sd === null ? undefined : (DATA.t95[Math.min(value.n, DATA.t95.length) - 1] * value.sd) / Math.sqrt(value.n));

// The methods shown at first: the control, the proposed one and the best of each family; the others wait in the legend.
// Best over all levels, or at the level that was chosen.
function leading(rows) {
  const best = new Map();
  const worth = (row) => (view.level === ALL ? row.average : measured(row.at.get(Number(view.level)))?.mean);
  for (const row of rows) {
    const known = best.get(row.family);
    if (row.family !== "variants" && worth(row) !== undefined && (!known || better(worth(row), worth(known)))) best.set(row.family, row);
  }
  const names = new Set([...best.values()].map((row) => row.label));
  return (row) => rows.length <= 10 || names.has(row.label) || row.label === DATA.control || row.label === DATA.proposed;
}

// Where a level stands on the axis: a logarithm has no place for none at all.
const placeOf = (level) => (level > 0 ? level : view.protocol === "few" ? 0.5 : 1);
const tickOf = (level) => (level > 0 || view.protocol === "few" ? String(level) : "natural");

function traces(row, style, place, visible) {
  const place7 = DATA.families.indexOf(row.family);
  const [ownColour, ownSymbol] = DATA.own[row.label] ?? [];
  const colour = ownColour ?? style.colours[place7] ?? "#888888";
  const levels = [...row.at.keys()].filter((l) => measured(row.at.get(l))).sort((a, b) => a - b);
  const x = levels.map(placeOf);
  const values = levels.map((l) => measured(row.at.get(l)));
  const y = values.map((v) => v.mean * metric().scale);
  const widths = values.map((v) => (half(v) ?? 0) * metric().scale);
  const least = metric().unit === "%" ? 0 : -metric().scale;
  const clip = (v) => Math.min(metric().scale, Math.max(least, v)); // an interval does not leave the metric's range
  const group = { legendgroup: row.label, visible: visible ? true : "legendonly" };
  const band = {
    ...group, x: [...x, ...[...x].reverse()], y: [...y.map((v, i) => clip(v + widths[i])), ...y.map((v, i) => clip(v - widths[i])).reverse()],
    fill: "toself", fillcolor: colour + "22", line: { width: 0 }, hoverinfo: "skip", showlegend: false, mode: "lines", visible: visible && view.bands ? true : false,
  };
  const seeds = levels.map((l, i) => `${values[i].n}/${row.at.get(l).asked} seeds` + (values[i].sd === null ? "" : `, sd ${show(values[i].sd, row.dataset)}`));
  const dash = DASHES[(place7 + place) % DASHES.length];
  return [band, {
    ...group, x, y, text: seeds, customdata: levels.map(levelName), name: titleOf(row.label), mode: "lines+markers", line: { color: colour, width: 2, dash },
    marker: { size: 8, symbol: ownSymbol ?? SYMBOLS[(place7 + place) % SYMBOLS.length] },
    hovertemplate: `%{fullData.name}<br>%{y:.${decimals(row.dataset)}f}${metric().unit} at %{customdata}<br>%{text}<extra></extra>`,
  }];
}

function layout(style, levels) {
  const title = metric().unit ? `${metric().title} (${metric().unit})` : metric().title;
  const narrow = innerWidth < 700;
  const axis = { gridcolor: style.line, zeroline: false, linecolor: style.line };
  const places = levels.map(placeOf);
  const chosen = view.level === ALL ? [] : [placeOf(Number(view.level))];
  return {
    paper_bgcolor: style.bg, plot_bgcolor: style.bg, font: { color: style.fg, size: 13 }, hovermode: "closest",
    margin: { l: 60, r: 10, t: 36, b: 50 }, height: narrow ? 620 : 520,
    legend: narrow ? { orientation: "h", y: -0.32, yanchor: "top" } : {},
    xaxis: { ...axis, type: levels.length > 1 ? "log" : "linear", tickvals: places, ticktext: levels.map(tickOf),
      title: { text: view.protocol === "few" ? "Training images of the minority class" : "Imbalance ratio (IR)" },
      autorange: view.protocol === "few" ? "reversed" : true },
    yaxis: { ...axis, title: { text: title } },
    shapes: chosen.map((x) => ({ type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color: style.fg, width: 1, dash: "dot" } })),
  };
}

async function drawChart() {
  const rows = tableRows();
  const dataset = view.dataset || rows[0]?.dataset;
  const mine = rows.filter((row) => row.dataset === dataset);
  const shown = leading(mine);
  mine.sort((a, b) => shown(b) - shown(a)); // what is drawn comes first: in the legend, and for the plainest dashes
  byId("curve-note").textContent = dataset === undefined ? "Nothing in view." :
    `${DATA.dataset_titles[dataset]}, ${DATA.protocol_titles[view.protocol]}. ${view.bands ? "Band: 95 % interval of the mean over seeds. " : ""}The control, the paper's method and the best of each family${view.level === ALL ? "" : ` at ${levelName(Number(view.level))} (dotted line)`} are drawn; click a name for more, or filter the table.`;
  if (!("DecompressionStream" in window)) {
    byId("curve-note").textContent = "This browser is too old for the interactive curves; the figures show the same.";
    return;
  }
  const css = getComputedStyle(document.documentElement);
  const read = (name) => css.getPropertyValue(name).trim();
  const style = { bg: read("--bg"), fg: read("--fg"), line: read("--line"), colours: [read("--fg"), ...DATA.colours.slice(1)] };
  const seen = {};
  const looks = (row) => (row.label in DATA.own ? row.label : row.family); // who has a look of its own takes none of its family's
  const drawn = mine.flatMap((row) => traces(row, style, (seen[looks(row)] = (seen[looks(row)] ?? -1) + 1), shown(row)));
  await (await loadPlotly()).react("chart", drawn, layout(style, [...new Set(mine.flatMap((row) => [...row.at.keys()]))].sort((a, b) => a - b)), { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] });
}
