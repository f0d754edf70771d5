// The pictures and tables of the page, each from the numbers that the server sends.

const POOLED = "var(--pooled)", ALONE = "var(--alone)", GREY = "var(--grey)", FAINT = "var(--faint)", BAD = "var(--bad)";
const BANDS = 80; // levels whose intervals are drawn, too
const DRAWN = 2000, LISTED = 500; // levels that are drawn, and rows of the table

function show(id, ...children) {
  document.getElementById(id).replaceChildren(...children);
}

function note(text) {
  return element("p", { class: "note" }, text);
}

function captioned(plot, text) {
  return element("figure", {}, plot.svg, element("figcaption", {}, text));
}

function drawLevels(levels) {
  if (levels.message) return show("levels", note(levels.message));
  const { population } = levels;
  const largest = levels.labels.map((_, i) => i).sort((a, b) => levels.n[b] - levels.n[a]).slice(0, DRAWN);
  const [at, alone, pooled, low, high, labels] = ["at", "alone", "pooled", "low", "high", "labels"]
    .map((name) => largest.map((i) => levels[name][i]));
  const bands = labels.length <= BANDS;
  const plot = new Plot({
    width: roomFor("levels", 800), height: 380,
    x: levels.size.log ? [Math.min(...at) / 1.15, Math.max(...at) * 1.15] : range(at),
    y: range(alone, pooled, ...(bands ? [low, high] : [])),
    log: levels.size.log, xLabel: levels.size.words, yLabel: levels.scale,
    says: `Each of ${labels.length} levels of ${levels.group}: ${levels.missing ? "" : "its estimate alone and "}its pooled coefficient. The table of levels has the numbers.`,
  });
  plot.segment(plot.x[0], population, plot.x[1], population, { stroke: GREY, "stroke-dasharray": "4 3" });
  labels.forEach((label, i) => {
    if (bands) plot.segment(at[i], low[i], at[i], high[i], { stroke: FAINT, "stroke-width": 4 });
    if (alone[i] === null) return;
    plot.segment(at[i], alone[i], at[i], pooled[i], { stroke: GREY, "stroke-width": 0.8 });
    plot.point(at[i], alone[i], { fill: ALONE }, `${label}: alone ${short(alone[i])}`);
  });
  labels.forEach((label, i) => {
    plot.point(at[i], pooled[i], { fill: POOLED }, `${label}: pooled ${short(pooled[i])}`);
  });
  const left = labels.length < levels.of ? ` Of ${levels.of} levels the ${labels.length} with most rows.` : "";
  const which = levels.missing ? "pooled" : "alone (orange) and pooled (blue)";
  show("levels", captioned(plot, `Levels of ${levels.group}: ${which}.${levels.missing ? ` ${levels.missing}` : ""}`
    + `${bands ? ` Grey: ${levels.interval}.` : ""} Dashed: the population's mean.${left}`));
}

function isSpread(name) {
  return /(^|_)sd_/.test(name);
}

function percent(share) {
  return share === null ? "–" : `${Math.round(100 * share)}%`;
}

// What a table of levels holds: all that were asked for, or the first of them.
function listed(found, ranked, levels) {
  const some = found > LISTED ? ` The first ${LISTED} are listed.` : "";
  const among = ranked < levels.of ? ` Ranks are among the ${ranked} levels with most rows, of ${levels.of}.` : "";
  return `${found} of ${ranked} levels, highest first.${some}${among} ${levels.scale}; ${levels.interval}.`;
}

// Numbers of a column with as many decimals each as tell the levels apart.
function written(levels) {
  const widths = levels.high.map((high, i) => high - levels.low[i]).filter((width) => width > 0).sort((a, b) => a - b);
  const width = widths.length ? widths[Math.floor(widths.length / 2)] : 1;
  const decimals = Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(width))));
  return (value) => {
    if (value === null || Math.abs(value) >= 1e6) return short(value);
    return value.toFixed(decimals).replace(/^-(0\.?0*)$/, "$1"); // no minus before a zero
  };
}

function drawRanked(levels) {
  if (levels.message) return show("ranked", note(levels.message));
  const wanted = document.getElementById("find").value.trim().toLowerCase();
  const order = levels.labels.map((_, i) => i).sort((a, b) => levels.pooled[b] - levels.pooled[a]);
  const head = ["level", "rank", "rows", "alone", "pooled", "low", "high", "shrinkage"];
  const write = written(levels);
  const rows = order.map((i, rank) => [levels.labels[i], rank + 1, short(levels.n[i]),
    ...["alone", "pooled", "low", "high"].map((name) => write(levels[name][i])), percent(levels.shrinkage[i])]);
  const found = rows.filter(([label]) => label.toLowerCase().includes(wanted));
  show("ranked", element("table", {},
    element("caption", { class: "note" }, listed(found.length, rows.length, levels)),
    element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...found.slice(0, LISTED).map(([label, ...cells]) => element("tr", {},
      element("th", { scope: "row" }, label), ...cells.map((cell) => element("td", {}, String(cell))))))));
}

function drawDensities(found) {
  if (found.message) return show("densities", note(found.message));
  // Standard deviations first: their priors decide how much is pooled.
  const panels = [...found.panels].sort((a, b) => isSpread(b.name) - isSpread(a.name));
  const drawn = panels.map((panel) => {
    const top = Math.max(...panel.posterior, ...panel.prior.filter((v) => v !== null));
    // A prior without an upper bound at zero would make a line of the posterior.
    const y = [0, Math.min(top, 1.6 * Math.max(...panel.posterior)) * 1.05];
    const x = [panel.value[0], panel.value[panel.value.length - 1]];
    const plot = new Plot({
      width: panelWidth("densities", 220), height: 140, x, y, yTicks: false,
      says: `Prior and posterior density of ${panel.name}`,
    });
    const prior = panel.prior.map((value) => Math.min(value ?? y[1], y[1]));
    plot.area(panel.value, prior, { fill: FAINT });
    plot.line(panel.value, panel.posterior, { stroke: POOLED, "stroke-width": 1.6 });
    return element("figure", {}, element("figcaption", { class: "name" }, panel.name), plot.svg);
  });
  const estimated = panels.filter((panel) => panel.estimated).map((panel) => panel.name);
  const how = estimated.length ? ` The prior of ${estimated.join(", ")} is estimated from draws.` : "";
  show("densities", ...drawn, note(`Grey: prior. Blue: posterior.${how} ${found.note}`));
}

function drawFunnel(found) {
  document.getElementById("replay").hidden = true;
  if (found.message) return show("funnel", note(found.message));
  const plot = new Plot({
    width: roomFor("funnel", 800), height: 320,
    x: range(found.effect), y: range(found.log_sd), xLabel: found.names[1], yLabel: found.names[0],
    says: `Draws of ${found.names[0]} against ${found.names[1]}`,
  });
  const put = (i, color, r) => plot.point(found.effect[i], found.log_sd[i], { fill: color, r, "fill-opacity": 0.4 });
  found.effect.forEach((_, i) => put(i, found.diverging[i] ? BAD : POOLED, found.diverging[i] ? 3.5 : 2));
  const bad = found.diverging.filter(Boolean).length;
  show("funnel", captioned(plot, "Each point is a draw: the logarithm of the standard deviation between levels, and the "
    + "effect of one of them, which narrows as that falls. "
    + `${bad ? `${bad} divergent ones are red` : "None diverged"}. `
    + "In centered or non-centered coordinates NUTS samples the same posterior without Shoal's map."));
  document.getElementById("replay").hidden = false;
}

// Shows the draws of the funnel once more, one after the other as they were made.
function replayFunnel() {
  const points = [...document.querySelectorAll("#funnel circle")];
  if (!points.length || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const each = Math.ceil(points.length / 90); // frames
  points.forEach((point) => point.setAttribute("visibility", "hidden"));
  const next = (from) => {
    points.slice(from, from + each).forEach((point) => point.removeAttribute("visibility"));
    if (from + each < points.length && points[0].isConnected) requestAnimationFrame(() => next(from + each));
  };
  next(0);
}

function drawChecks(found) {
  if (found.message) return show("checks", note(found.message));
  const drawn = found.parts.map((part) => {
    const many = part.value.length, every = Math.ceil(many / 8), low = lowerOf(part), high = upperOf(part);
    const plot = new Plot({
      width: panelWidth("checks", 380), height: 240, x: [-0.7, many - 0.3], y: [0, range(part.observed, high)[1]], xLabel: part.response,
      xTicks: part.value.map((text, i) => [i, text]).filter(([i]) => i % every === 0), yLabel: "rows",
      says: `Rows of each value of ${part.response}, observed and simulated`,
    });
    part.observed.forEach((count, i) => {
      plot.bar(i - 0.4, i + 0.4, count, { fill: FAINT });
      plot.segment(i, low[i], i, high[i], { stroke: POOLED, "stroke-width": 2 });
      plot.point(i, part.median[i], { fill: POOLED });
    });
    return captioned(plot, `${part.response}: rows observed (bars), and simulated from the fit (median and 90%).`);
  });
  show("checks", ...drawn);
}

function lowerOf(part) { return part[Object.keys(part).find((name) => name.endsWith("_lb"))]; }
function upperOf(part) { return part[Object.keys(part).find((name) => name.endsWith("_ub"))]; }

function drawImplied(found) {
  if (found.message) return show("implied", note(found.message));
  const several = new Set(found.parts.map((part) => part.about)).size > 1, flagged = found.parts.some((part) => part.flag);
  const head = ["before the data", "low", "median", "high", "observed", ...(flagged ? [""] : [])];
  const cell = (part, name) => (part[name] === null && name !== "observed" ? "no number" : short(part[name], 3));
  const rows = found.parts.map((part) => element("tr", {},
    element("th", { scope: "row" }, several ? `${part.about}: ${part.quantity}` : part.quantity,
      element("span", { class: "note" }, part.scale)),
    ...["low", "median", "high", "observed"].map((name) => element("td", {}, cell(part, name))),
    ...(flagged ? [element("td", {}, part.flag)] : [])));
  show("implied", element("div", { class: "table", tabindex: 0, role: "region", "aria-label": "What the priors imply" },
    element("table", {},
      element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, ...rows))), note("Of data sets that are simulated from the priors alone: median, and the ends of the 90% interval."));
}

function drawFindings(found) {
  if (!found.findings.length) return show("findings", note("Nothing was found."));
  show("findings", ...found.findings.map((finding) => element("p", { class: "finding" },
    element("b", {}, finding.severity), ` ${finding.code}: ${finding.evidence} ${finding.remedy}`)));
}
