// The state of the page, the requests that follow from it, and the controls.

const state = { priors: {}, pooling: "partial", coordinates: "auto", moving: false, group: null, effect: null };
let controls = [], levels = null, first = [null, null], drawn = null, judged = null;
let busy = false, wanted = false, judging = 0, replaying = false;
let moving = false; // whether the fit that is running is one on the way

async function ask(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json", "X-Shoal-Token": TOKEN }, body: JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.error), { code: found.code });
  return found;
}

function complain(text) {
  const place = document.getElementById("problem");
  place.textContent = text;
  place.hidden = !text;
}

// Fit what is chosen now. While a fit is running, only the last choice is remembered; a long fit of what was
// chosen before is given up.
async function refit() {
  wanted = true;
  if (busy && !moving) ask("/interrupt").catch(() => {});
  if (busy) return;
  busy = true;
  showVerdict("Fitting …", "");
  while (wanted) {
    wanted = false;
    moving = state.moving;
    try {
      draw(await ask("/fit", state));
      complain("");
    } catch (problem) {
      if (wanted && problem.code === "interrupted") continue;
      complain(problem.message);
      showVerdict("Not fitted.", "");
      document.getElementById("run").textContent = "The pictures are of the fit before.";
    }
  }
  busy = false;
  if (!state.moving && document.getElementById("problem").hidden) judge();
}

// The verdict in one sentence is always in sight; what it rests on stands below.
function showVerdict(text, severity) {
  const place = document.getElementById("verdict"), end = text.indexOf(". ") + 1 || text.length;
  const sentence = text.slice(0, end);
  if (place.textContent !== sentence) place.textContent = sentence; // or it would be read out at every step
  place.className = severity;
  if (severity) document.getElementById("reasons").textContent = text.slice(end).trim();
}

// What differs from the model as it was written, which the controls show, but no printed page.
function showChanged() {
  const moved = Object.entries(state.priors).map(([name, { kind, ...values }]) =>
    `${name} ~ ${kind}(${Object.entries(values).map(([key, value]) => `${key}=${short(value)}`).join(", ")})`);
  const parts = [...(state.pooling === "partial" ? [] : [`pooling ${state.pooling}`]), ...moved];
  document.getElementById("changed").textContent = parts.length ? `Changed: ${parts.join("; ")}.` : "";
}

function draw(found) {
  drawn = found;
  judged = null;
  levels = found.levels;
  const { run } = found;
  document.getElementById("run").textContent = `${run.draws.toLocaleString("en")} draws by ${run.sampler} `
    + `(${run.coordinates}) in ${run.seconds} s: R-hat ${run.rhat ?? "–"}, worst effective size `
    + `${run.ess === undefined ? "–" : Math.round(run.ess).toLocaleString("en")}, ${run.divergences} divergences`
    + (state.moving ? " (while you move)" : "");
  showVerdict(wanted ? "Fitting …" : state.moving ? "Not judged while you move." : "Judging …", "");
  showChanged();
  document.body.classList.add("unjudged");
  drawPictures(found);
  drawRanked(levels);
  if (replaying && !state.moving) replayFunnel();
  replaying = replaying && state.moving;
  document.body.dataset.drawn = Number(document.body.dataset.drawn ?? 0) + 1;
}

function drawPictures(found) {
  drawLevels(found.levels);
  drawDensities(found.densities);
  drawFunnel(found.funnel);
}

async function judge() {
  const number = ++judging;
  try {
    const found = await ask("/criticism", state);
    if (busy || number !== judging) return; // something was moved meanwhile
    judged = found;
    showVerdict(found.verdict, found.severity);
    document.body.classList.remove("unjudged");
    drawChecks(found.checks);
    drawImplied(found.implied);
    drawFindings(found);
  } catch (problem) {
    complain(problem.message);
  }
}

// A change that is finished, or (moving) one of many on the way.
function change(moving) {
  state.moving = moving;
  document.getElementById("code").hidden = document.getElementById("copy").hidden = true;
  refit();
}

function record(control, kind, values) {
  state.priors[control.name] = { kind, ...values };
}

function slider(control, kind, name, argument, values) {
  const { low, high, log } = argument;
  const [from, to] = log ? [Math.log(low), Math.log(high)] : [low, high];
  const output = element("output", {}, short(argument.value));
  const move = (moving) => (event) => {
    const at = from + (to - from) * Number(event.target.value) / 1000;
    values[name] = Number((log ? Math.exp(at) : at).toPrecision(4));
    output.textContent = short(values[name]);
    event.target.setAttribute("aria-valuetext", short(values[name]));
    record(control, kind, values);
    change(moving);
  };
  const place = 1000 * ((log ? Math.log(argument.value) : argument.value) - from) / (to - from);
  return element("label", { class: "slider" }, name, element("input", {
    type: "range", min: 0, max: 1000, value: place, "aria-label": `${name} of the prior of ${control.name}`,
    "aria-valuetext": short(argument.value), oninput: move(true), onchange: move(false),
  }), output);
}

function sliders(control, kind) {
  const values = {};
  for (const [name, argument] of Object.entries(control.kinds[kind])) values[name] = argument.value;
  return [values, Object.entries(control.kinds[kind]).map(([name, argument]) => slider(control, kind, name, argument, values))];
}

function priorControl(control, open) {
  const inside = element("div", {}, ...sliders(control, control.kind)[1]);
  const choice = element("select", {
    "aria-label": `Kind of the prior of ${control.name}`,
    onchange: (event) => {
      const [values, moved] = sliders(control, event.target.value);
      inside.replaceChildren(...moved);
      record(control, event.target.value, values);
      change(false);
    },
  }, ...Object.keys(control.kinds).map((kind) => element("option", { value: kind }, kind)));
  const parts = [element("summary", {}, control.name), choice, inside];
  if (control.notes === "default") parts.push(note("As written: the default."));
  else if (control.notes) parts.push(note(`As written: ${control.notes}. Once moved, it is the prior of the parameter itself.`));
  return element("details", { open }, ...parts);
}

function fillControls(facts) {
  controls = facts.controls;
  document.getElementById("formula").textContent = facts.formula;
  document.title = `${facts.formula.split("\n")[0]}: Shoal explorer`;
  const factors = Object.entries(facts.factors);
  for (const [value, text] of [["partial", "partial"], ["complete", "complete"], ["none", "none"]]) {
    document.getElementById("pooling").append(element("label", {}, element("input", {
      type: "radio", name: "pooling", value, checked: value === "partial", disabled: !factors.length && value !== "partial",
      onchange: () => { state.pooling = value; change(false); },
    }), ` ${text} `));
  }
  const options = factors.flatMap(([group, effects]) => effects.map((effect) => element("option",
    { value: JSON.stringify([group, effect]) }, `${effect} by ${group}`)));
  document.getElementById("effect").append(...options);
  [state.group, state.effect] = first = factors.length ? [factors[0][0], factors[0][1][0]] : [null, null];
  document.getElementById("which").hidden = options.length < 2;
  for (const id of ["levels", "funnel", "ranked"]) document.getElementById(id).closest("section").hidden = !factors.length;
  showPriors();
}

function showPriors() {
  // Standard deviations first: they decide how much is pooled. What is beyond two is one click away.
  const ordered = [...controls].sort((a, b) => isSpread(b.name) - isSpread(a.name));
  const [near, far] = [ordered.slice(0, 2), ordered.slice(2)];
  const more = element("details", {}, element("summary", {}, `${far.length} more ${far.length > 1 ? "priors" : "prior"}`),
    ...far.map((control) => priorControl(control, false)));
  show("priors", ...near.map((control) => priorControl(control, true)), ...(far.length ? [more] : []));
}

// Pictures are drawn for the room that there is, and anew where it changes.
function fitTheRoom() {
  const head = document.querySelector("header"), page = document.documentElement;
  let width = page.clientWidth;
  new ResizeObserver(() => {
    page.style.setProperty("--head", `${head.offsetHeight + 4}px`);
    if (page.clientWidth === width || !drawn || busy) return;
    width = page.clientWidth;
    drawPictures(drawn);
    if (judged) drawChecks(judged.checks);
  }).observe(head);
}

function listen() {
  document.getElementById("effect").addEventListener("change", (event) => {
    [state.group, state.effect] = JSON.parse(event.target.value);
    change(false);
  });
  document.getElementById("coordinates").addEventListener("change", (event) => {
    state.coordinates = event.target.value;
    replaying = true;
    change(false);
  });
  document.getElementById("replay").addEventListener("click", replayFunnel);
  document.getElementById("copy").addEventListener("click", async (event) => {
    try {
      await navigator.clipboard.writeText(document.getElementById("code").textContent);
      event.target.textContent = "Copied";
    } catch {
      document.getSelection().selectAllChildren(document.getElementById("code")); // for the reader to copy
    }
  });
  document.getElementById("find").addEventListener("input", () => { if (levels) drawRanked(levels); });
  document.getElementById("written").addEventListener("click", () => {
    Object.assign(state, { priors: {}, pooling: "partial", coordinates: "auto", group: first[0], effect: first[1] });
    document.getElementById("controls").reset();
    showPriors();
    change(false);
  });
  document.getElementById("script").addEventListener("click", async () => {
    try {
      const code = document.getElementById("code");
      code.textContent = (await ask("/script", { ...state, moving: false })).script;
      code.hidden = document.getElementById("copy").hidden = false;
      document.getElementById("copy").textContent = "Copy";
      code.focus();
    } catch (problem) {
      complain(problem.message);
    }
  });
}

async function begin() {
  const alive = new EventSource(`/alive?token=${encodeURIComponent(TOKEN)}`);
  alive.onerror = () => complain("Shoal has ended: this page shows the last fit and cannot make another.");
  alive.onopen = () => complain("");
  try {
    fillControls(await ask("/facts"));
    listen();
    fitTheRoom();
    await refit();
  } catch (problem) {
    complain(problem.message);
  }
}

begin();
