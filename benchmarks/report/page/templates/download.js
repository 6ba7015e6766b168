// The current view as CSV and as LaTeX, the same numbers as on the page.
const SPECIAL = { "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", _: "\\_", "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}" };
const tex = (text) => String(text).replace(/[\\&%$#_{}~^<>]/g, (c) => SPECIAL[c]);
// A spreadsheet would run a text that begins like a formula; a number stays a number.
const safe = (text) => (/^\s*[=+\-@\t\r]/.test(text) && !/^[+-]?\d+(\.\d+)?$/.test(text) ? `'${text}` : text);
const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function csvText({ columns: list, rows }) {
  const head = list.flatMap((c) => (c.level === undefined ? [c.title] : [c.title, `${c.title} sd`, `${c.title} remark`]));
  const lines = rows.map((row) => list.flatMap((column) => {
    const part = entry(row, column);
    return column.level === undefined ? [part.main] : [part.main, part.sd ?? "", part.remark ?? ""];
  }));
  return [head, ...lines].map((line) => line.map((value) => quoted(safe(String(value)))).join(",")).join("\n") + "\n";
}

function texEntry(part) {
  const main = part.mark === "best" ? `\\textbf{${tex(part.main)}}` : part.mark === "second" ? `\\underline{${tex(part.main)}}` : tex(part.main);
  const sd = part.sd === undefined ? "" : `{\\tiny$\\,\\pm\\,$${part.sd}}`;
  return main + sd + (part.remark ? `{\\tiny~(${tex(part.remark)})}` : "");
}

function texText({ columns: list, rows }) {
  const align = list.map((c) => (c.numeric ? "r" : "l")).join("");
  const title = metric().unit ? `${metric().title} (${metric().unit})` : metric().title;
  const where = [DATA.dataset_titles[view.dataset] ?? "all datasets", DATA.protocol_titles[view.protocol], DATA.comparisons.find(([name]) => name === view.comparison)[1]].join(", ");
  return [
    "\\begin{table}[htbp]",
    "\\centering\\scriptsize\\setlength{\\tabcolsep}{3.5pt}",
    `\\caption{${tex(`${title}; ${where}. Mean and standard deviation over seeds`)}.}`,
    `\\makebox[\\linewidth][c]{\\begin{tabular}{@{}${align}@{}}`,
    "\\toprule",
    list.map((c) => tex(c.title)).join(" & ") + " \\\\",
    "\\midrule",
    ...rows.map((row) => list.map((column) => texEntry(entry(row, column))).join(" & ") + " \\\\"),
    "\\bottomrule",
    "\\end{tabular}}",
    "\\end{table}",
    "",
  ].join("\n");
}

function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const stem = () => [view.dataset || "all", view.protocol, view.metric].join("-").replace(/[^A-Za-z0-9_-]+/g, "-");
