// The page around Revaluing: reads the controls, shows tables, figures and the answer. Only textContent is written, so
// that no name of an experiment can become code.
if (typeof document !== "undefined") (() => {
  const R = Revaluing, data = R.read(JSON.parse(document.getElementById("data").textContent));
  const at = (id) => document.getElementById(id), SVG = "http://www.w3.org/2000/svg";
  const INK = "#222222", QUIET = "#595959", RULE = "#9a9a9a", DASHES = ["", "7 3", "2 2", "7 3 2 3", "12 3", "3 2 1 2 1 2"];
  const title = (i) => data.strategies[i], lower = (i) => title(i).toLowerCase(), words = (name) => name.replace(/_/g, " ");
  const others = data.strategies.map((_, i) => i).slice(1);

  // --- building blocks ---
  function made(name, attributes = {}, ...children) {
    const svg = ["svg", "g", "path", "line", "text", "rect", "circle", "title"].includes(name);
    const one = svg ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    one.append(...children);
    return one;
  }
  const fill = (id, ...children) => at(id).replaceChildren(...children);
  function table(caption, head, rows) {
    const corner = (one) => one ? made("th", { scope: "col" }, one) : made("td");
    return [made("caption", {}, caption), made("thead", {}, made("tr", {}, ...head.map(corner))),
      made("tbody", {}, ...rows.map((row) => made("tr", row.best ? { class: "best" } : {}, made("th", { scope: "row" }, row.cells[0]),
        ...row.cells.slice(1).map((one) => made("td", {}, one)))))];
  }
  function ticks(low, high, most = 6) {
    const raw = (high - low) / most || 1, size = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((one) => one * size).find((one) => one >= raw);
    const found = []; for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
    return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }
  // An empty figure with axes; returns its scales and a function that adds marks.
  function chart(id, heading, described, x, y, places = [], shades = null) {
    const across = x.ticks || ticks(x.low, x.high), up = y.ticks || ticks(y.low, y.high);
    const along = (one) => up.label ? up.label(one) : R.fixed(one + 0, up.digits), longest = Math.max(...up.found.map((one) => along(one).length));
    const W = 520, top = 38 + 17 * places.length, H = 330 + top, left = Math.max(78, 32 + 8 * longest), right = 30, bottom = 52;
    const X = (v) => left + (v - x.low) / (x.high - x.low) * (W - left - right), Y = (v) => H - bottom - (v - y.low) / (y.high - y.low) * (H - top - bottom);
    const svg = made("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${heading}. ${described}`, "font-family": "system-ui,DejaVu Sans,sans-serif", "font-size": 12 });
    svg.append(made("text", { x: 8, y: 20, "font-size": 14, "font-weight": "bold", fill: INK }, heading));
    for (const one of across.found) {
      svg.append(made("line", { x1: X(one), x2: X(one), y1: top, y2: H - bottom, stroke: "#e6e6e6" }));
      svg.append(made("text", { x: X(one), y: H - bottom + 16, "text-anchor": "middle", fill: INK }, across.label ? across.label(one) : R.fixed(one + 0, across.digits)));
    }
    for (const one of up.found) {
      svg.append(made("line", { x1: left, x2: W - right, y1: Y(one), y2: Y(one), stroke: "#e6e6e6" }));
      svg.append(made("text", { x: left - 6, y: Y(one) + 4, "text-anchor": "end", fill: INK }, along(one)));
    }
    for (const [d] of [[`M${left} ${top}V${H - bottom}H${W - right}`]]) svg.append(made("path", { d, fill: "none", stroke: QUIET }));
    svg.append(made("text", { x: (left + W - right) / 2, y: H - 12, "text-anchor": "middle", fill: INK }, x.label));
    svg.append(made("text", { x: 14, y: (top + H - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(top + H - bottom) / 2})`, fill: INK }, y.label));
    places.forEach((i, k) => {
      svg.append(shades ? made("rect", { x: left, y: 32 + 17 * k, width: 28, height: 12, fill: data.colours[i], "fill-opacity": shades(k) })
        : made("path", { d: `M${left} ${38 + 17 * k}h28`, stroke: data.colours[i], "stroke-width": 2.4, "stroke-dasharray": DASHES[i % DASHES.length] }));
      svg.append(made("text", { x: left + 36, y: 42 + 17 * k, fill: INK }, title(i)));
    });
    fill(id, svg);
    return { svg, X, Y, box: { left, right: W - right, top, bottom: H - bottom } };
  }
  const line = (c, points, i, more = {}) => c.svg.append(made("path", { d: "M" + points.map(([a, b]) => `${c.X(a).toFixed(1)} ${c.Y(b).toFixed(1)}`).join("L"),
    fill: "none", stroke: data.colours[i], "stroke-width": 2, "stroke-dasharray": DASHES[i % DASHES.length], "stroke-linejoin": "round", ...more }));
  const bounds = (values, ...more) => {
    let low = Math.min(...more), high = Math.max(...more);
    for (const one of values) { if (one < low) low = one; if (one > high) high = one; }
    const room = 0.06 * (high - low || Math.abs(high) || 1);
    return { low: low - room, high: high + room };
  };

  // --- controls ---
  const usual = { price: data.price, perspective: data.perspective, effect: "qalys", horizon: "whole", people: data.people, years: Math.min(3, data.max_years), first: 1, last: 1 };
  let settings = { ...usual };
  const choices = (id, pairs) => fill(id, ...pairs.map(([value, label]) => made("option", { value }, label)));
  function offer() {
    const horizon = data.horizons[settings.horizon];
    if (!(settings.perspective in horizon.costs)) settings.perspective = Object.keys(horizon.costs)[0];
    if (!(settings.effect in horizon.effects)) settings.effect = Object.keys(horizon.effects)[0];
    choices("perspective", Object.keys(horizon.costs).map((name) => [name, words(name)]));
    choices("effect", Object.entries(horizon.effects).map(([name, one]) => [name, one.unit]));
    choices("horizon", Object.entries(data.horizons).map(([name, one]) => [name, one.words]));
  }
  function put() {
    for (const id of ["perspective", "effect", "horizon", "people", "years", "price"]) at(id).value = settings[id];
    for (const id of ["first", "last"]) { at(id).value = 100 * settings[id]; at(`${id}-range`).value = 100 * settings[id]; }
    const most = 3 * data.price || 100000;
    Object.assign(at("price-range"), { min: 0, max: most, step: most / 300, value: settings.price });
    at("years").max = data.max_years;
    at("price-unit").textContent = `${data.currency} per ${data.horizons[settings.horizon].effects[settings.effect].unit}`;
    at("last").disabled = at("last-range").disabled = settings.years < 2;
    at("horizon-note").textContent = Object.keys(data.horizons).length > 1 ? "" :
      `The run stored totals over ${data.follow_up} alone: an experiment that says observed_days gives a second horizon. The budget is by year.`;
  }
  function taken() {
    const wrong = [...at("controls").querySelectorAll("input[type=number]:not(:disabled)")].find((one) => !one.checkValidity());
    at("problem").textContent = wrong ? `${at("controls").querySelector(`label[for=${wrong.id}]`).textContent}: ${wrong.min} ${wrong.max ? `to ${wrong.max}` : "or more"}${wrong.step === "1" ? ", a whole number" : ""}.` : "";
    if (wrong) return false;
    for (const id of ["perspective", "effect", "horizon"]) settings[id] = at(id).value;
    for (const id of ["people", "years", "price"]) settings[id] = Number(at(id).value);
    for (const id of ["first", "last"]) settings[id] = Number(at(id).value) / 100;
    return true;
  }

  // --- what is shown ---
  const more = (amount, low, high) => {  // [how much more or less, its interval the same way round]
    const ends = amount < 0 && low !== null ? [-high, -low] : [low, high];
    return [amount < 0, R.withInterval(Math.abs(amount), ...ends)];
  };
  function bedsInWords(i) {
    const people = settings.people * R.mean(R.uptakes(settings)), own = ["mean", "low", "high"].map((end) => data.beds[i][end] === null ? null : data.beds[i][end] * people);
    const [fewer, amount] = more(...own);
    return `${amount} ${fewer ? "fewer" : "more"} bed-days for each year's people, ${R.rounded(Math.abs(own[0]) / 365.25, 2)} beds`;
  }
  function answer(shown) {
    const best = shown.rows.findIndex((row, i) => shown.sure ? row.optimal : false), found = shown.found;
    const gains = shown.rows.map((row) => row.gain === null ? 0 : row.gain.mean), first = best >= 0 ? best : gains.indexOf(Math.max(...gains));
    const row = shown.rows[first], unit = shown.view.effect.unit, money = `${data.currency} ${R.fixed(settings.price, 0)} per ${unit}`;
    const what = first === 0 ? `At ${money}, ${lower(0)} is the best buy: no other strategy has a higher expected net benefit.`
      : `At ${money}, ${lower(first)} is the best buy: a net benefit of ${row.benefit} ${data.currency} per person over ${lower(0)}.`;
    const sure = shown.sure ? `It is the best in ${row.probability} of ${data.draws} parameter draws` +
        (shown.evpi ? `; to know all parameters would be worth ${shown.evpiInWords} ${data.currency} per person.` : ".")
      : "The run has no parameter draws: how certain the choice is cannot be said beyond chance.";
    const pick = first || others[0], spent = data.spending[settings.perspective] ? R.budget(data, settings, pick).years : null;
    const last = spent && spent[spent.length - 1], [less, amount] = last ? more(last.net, last.low, last.high) : [];
    const region = !spent ? "" : `${first === 0 ? `${title(pick)} would cost` : "It costs"} the region ${amount} ${data.currency} ${less ? "less" : "more"} in year ${settings.years}` +
      (data.beds[pick] ? ` and takes ${bedsInWords(pick)}.` : ".");
    fill("answer", ...[what, sure, region].filter(Boolean).map((one) => made("p", {}, one)));
    return { first, found };
  }
  function choice(shown) {
    const unit = shown.view.effect.unit, rows = [[`Cost, ${data.currency}`, "cost"], [`${unit[0].toUpperCase()}${unit.slice(1)}`, "effect"], ["On the frontier?", "status"],
      ["Cost per unit, against the one before on the frontier", "step"], [`Cost per unit, against ${lower(0)}`, "icer"], ...(data.has_intervals ? [["95% interval (Fieller)", "fieller"]] : []),
      ...(data.draws > 1 ? [["95% of parameters", "icer_parameters"]] : []), [`Net benefit over ${lower(0)}${data.has_intervals ? " (95% Monte Carlo)" : ""}`, "benefit"],
      ...(data.draws > 1 ? [["95% of parameters", "parameters"]] : []), ...(shown.sure ? [["Probability of being the best", "probability"], ["Expected loss", "loss"]] : [])];
    const known = rows.filter(([, key]) => shown.rows.some((row) => !["0", "", "n/a"].includes(row[key])));
    const lines = known.map(([label, key]) => ({ best: key === "benefit", cells: [label, ...shown.rows.map((row) => row[key])] }));
    fill("choice", ...table(`Per person, ${words(settings.perspective)} perspective, ${data.horizons[settings.horizon].words}`, ["", ...shown.rows.map((row) => row.title + (row.optimal ? " *" : ""))], lines));
    const total = data.weights.slice(0, settings.years).reduce((a, b) => a + b, 0) * settings.people;
    const region = shown.evpi ? ` For ${R.fixed(total, 0)} people (discounted) that is ${R.rounded(total * shown.evpi.value)} ${data.currency}.` : "";
    const evpi = shown.evpi ? `Expected value of perfect information (EVPI): ${shown.evpiInWords} ${data.currency} per person.${region}`
      : `The value of information needs 20 parameter draws and strategies that differ; the run has ${data.draws} draws.`;
    at("choice-note").textContent = `${shown.sure ? "* highest expected net benefit. " : ""}${evpi}`;
  }
  function plane(shown) {
    const { pairs } = shown.found, points = others.map((i) => data.draws > 1 ? R.nested(data, [pairs[i].effect, pairs[i].cost]).means : pairs[i].effect.map((x, j) => [x, pairs[i].cost[j]]));
    const x = bounds(points.flatMap((own) => own.map((one) => one[0])), 0), y = bounds(points.flatMap((own) => own.map((one) => one[1])), 0), unit = shown.view.effect.unit;
    const c = chart("plane", "Cost-effectiveness plane", others.map((i) => `${title(i)}: ${shown.rows[i].icer}`).join(". "), { ...x, label: `${unit}, per person` }, { ...y, label: `Extra cost, ${data.currency}` }, others);
    c.svg.append(made("path", { d: `M${c.X(0)} ${c.box.top}V${c.box.bottom}M${c.box.left} ${c.Y(0)}H${c.box.right}`, stroke: RULE }));
    const clip = (v) => Math.min(Math.max(v, y.low), y.high), p = settings.price;
    if (p > 0) { const a = Math.max(x.low, clip(p * x.low) / p), b = Math.min(x.high, clip(p * x.high) / p);
      if (a < b) c.svg.append(made("path", { d: `M${c.X(a)} ${c.Y(p * a)}L${c.X(b)} ${c.Y(p * b)}`, stroke: QUIET, "stroke-dasharray": "5 3", fill: "none" })); }
    others.forEach((i, k) => {
      const own = points[k], dots = own.map(([a, b]) => `M${c.X(a).toFixed(1)} ${c.Y(b).toFixed(1)}h0`).join("");
      c.svg.append(made("path", { d: dots, stroke: data.colours[i], "stroke-width": 4, "stroke-linecap": "round", "stroke-opacity": own.length < 100 ? 0.55 : 0.25, fill: "none" }));
      c.svg.append(made("circle", { cx: c.X(R.mean(own.map((one) => one[0]))), cy: c.Y(R.mean(own.map((one) => one[1]))), r: 6, fill: data.colours[i], stroke: "#fff", "stroke-width": 1.5 }));
    });
    for (const [h, v, told] of [[x.high, y.high, "better, dearer"], [x.high, y.low, "better, cheaper"], [x.low, y.high, "worse, dearer"], [x.low, y.low, "worse, cheaper"]]) {
      const wide = Math.abs(c.X(h) - c.X(0)) > 95, tall = Math.abs(c.Y(v) - c.Y(0)) > 24;
      if (wide && tall) c.svg.append(made("text", { x: c.X(h) + (h > 0 ? -4 : 4), y: c.Y(v) + (v > 0 ? 12 : -5), "text-anchor": h > 0 ? "end" : "start", fill: QUIET, "font-style": "italic" }, told));
    }
    at("plane-note").textContent = `Each small point is one ${data.draws > 1 ? "parameter draw" : "replication"}, against ${lower(0)}; large points are means. Below the dashed line a strategy is worth its cost.`;
  }
  const grid = () => Array.from({ length: 61 }, (_, k) => Math.max(3 * data.price, 1.2 * settings.price, 1) * k / 60);
  function curves(shown) {
    if (!shown.sure) { for (const id of ["curve", "worth"]) { fill(id); at(`${id}-note`).textContent = "Needs parameter draws: run the experiment with --draws."; } return; }
    const prices = grid(), { found } = shown, x = { low: 0, high: prices[60], label: `Willingness to pay, ${data.currency} per ${shown.view.effect.unit}` };
    const sure = prices.map((price) => R.acceptability(found, price)), kept = found.distinct;
    const c = chart("curve", "Probability of being the best buy", kept.map((i) => `${title(i)}: ${shown.rows[i].probability}`).join(". "), x, { low: 0, high: 1.02, label: "Probability", ticks: { found: [0, 0.2, 0.4, 0.6, 0.8, 1], digits: 1 } }, kept);
    c.svg.append(made("path", { d: `M${c.X(settings.price)} ${c.box.top}V${c.box.bottom}`, stroke: QUIET, "stroke-dasharray": "2 3" }));
    kept.forEach((i, member) => {
      const own = prices.map((price, k) => [price, sure[k].probability[member]]), best = own.filter((_, k) => sure[k].optimal === member);
      if (best.length > 1) line(c, best, i, { "stroke-width": 9, "stroke-opacity": 0.28, "stroke-dasharray": "" });
      line(c, own, i);
    });
    at("curve-note").textContent = `Over ${data.draws} parameter draws (CEAC). Thick band: the strategy with the highest expected net benefit. Dotted: the willingness to pay chosen.`;
    if (!shown.evpi) { fill("worth"); at("worth-note").textContent = "The value of information needs 20 parameter draws and strategies that differ."; return; }
    const worth = prices.map((price) => [price, R.informationValue(found.exact, price)]);
    const w = chart("worth", "Expected value of perfect information", `${shown.evpiInWords} ${data.currency} per person`, x, { low: 0, high: 1.1 * Math.max(...worth.map((one) => one[1]), 1e-9), label: `EVPI, ${data.currency} per person` });
    line(w, worth, 1, { stroke: "#0072b2", "stroke-dasharray": "" });
    w.svg.append(made("circle", { cx: w.X(settings.price), cy: w.Y(shown.evpi.value), r: 5, fill: "#0072b2" }));
    at("worth-note").textContent = `The most that research on all parameters is worth, per person whom the decision affects. Here: ${shown.evpiInWords} ${data.currency}.`;
  }
  function money() {
    if (!data.spending[settings.perspective]) { fill("budget"); fill("impact"); at("budget-note").textContent = "The run has no spending by year."; return; }
    const found = others.map((i) => [i, R.budget(data, settings, i)]), years = found[0][1].years.map((_, t) => `Year ${t + 1}`);
    at("budget-note").textContent = `${data.currency}, ${words(settings.perspective)} perspective${data.has_intervals ? "; net impact with 95% interval (Monte Carlo)" : ""}. People were followed for ${data.follow_up}: what they cost later is missing.`;
    const parts = found.map(([i, own]) => made("table", {}, ...table(`${title(i)} instead of ${lower(0)}`, ["", ...years], [
      { cells: ["Newly eligible people", ...years.map(() => R.fixed(settings.people, 0))] }, { cells: ["Uptake, %", ...own.uptake.map((one) => R.fixed(100 * one, 0))] },
      { cells: ["Current mix", ...own.years.map((one) => one.words.current)] }, { cells: ["New mix", ...own.years.map((one) => one.words.new)] },
      { best: true, cells: ["Net impact", ...own.years.map((one) => one.words.net)] }, ...(data.has_intervals ? [{ cells: ["95% interval", ...own.years.map((one) => one.words.interval)] }] : []),
      ...own.components.map((label, k) => ({ label, amounts: own.years.map((one) => one.parts[k]) })).filter((one) => one.amounts.some(Boolean)).map((one) => ({ cells: [`of it: ${one.label}`, ...one.amounts.map(R.change)] })),
    ])));
    fill("budget", ...parts);
    const shade = (k) => [0.9, 0.55, 0.3][k % 3];  // apart in grey, too
    const all = found.flatMap(([, own]) => own.years.flatMap((one) => [one.net, one.low ?? one.net, one.high ?? one.net])), y = bounds(all, 0), n = years.length;
    const c = chart("impact", "Net budget impact by year", found.map(([i, own]) => `${title(i)}: ${own.years.map((one, t) => `year ${t + 1} ${one.words.net}`).join(", ")}`).join(". "),
      { low: 0.5, high: n + 0.5, label: "Year", ticks: { found: years.map((_, t) => t + 1).filter((t) => n <= 12 || t % 5 === 0), label: String } }, { ...y, label: data.currency }, others, shade);
    c.svg.append(made("path", { d: `M${c.box.left} ${c.Y(0)}H${c.box.right}`, stroke: RULE }));
    found.forEach(([i, own], k) => own.years.forEach((one, t) => {
      const wide = 0.7 / found.length, x = t + 1 - 0.35 + wide * (k + 0.1), a = c.Y(Math.max(one.net, 0)), b = c.Y(Math.min(one.net, 0)), middle = c.X(x + 0.4 * wide);
      c.svg.append(made("rect", { x: c.X(x), y: a, width: c.X(x + 0.8 * wide) - c.X(x), height: Math.max(b - a, 0.5), fill: data.colours[i], "fill-opacity": shade(k) }));
      if (one.low !== null) c.svg.append(made("path", { d: `M${middle} ${c.Y(one.low)}V${c.Y(one.high)}M${middle - 4} ${c.Y(one.low)}h8M${middle - 4} ${c.Y(one.high)}h8`, stroke: INK, fill: "none" }));
    }));
    at("impact-note").textContent = "What the region spends more (below 0: less) than with nobody on the strategy. Whiskers: 95% Monte Carlo intervals.";
  }
  function show() {
    offer(); put();
    const shown = R.decide(data, settings);
    answer(shown); choice(shown); plane(shown); curves(shown); money();
    document.documentElement.dataset.ready = "yes";
    return shown;
  }
  let waiting = 0;
  const later = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => { if (taken()) show(); }); };
  at("controls").addEventListener("input", (event) => {
    const id = event.target.id;
    if (id.endsWith("-range")) at(id.replace("-range", "")).value = event.target.value;
    later();
  });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  at("reset").addEventListener("click", () => { settings = { ...usual }; at("problem").textContent = ""; show(); });
  show();
})();
