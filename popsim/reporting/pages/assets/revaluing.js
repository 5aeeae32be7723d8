"use strict";
// The arithmetic of popsim's decision analysis, on the draws that are embedded in the page: the same formulas as
// popsim/economics (cost_effectiveness, decision, information, uncertainty, budget), so that numbers are the same as
// printed. Nothing here touches the page; tests/reporting/test_interactive.py runs it beside Python.
const Revaluing = (() => {
  const ROUNDING = 1e-9, NO_SPREAD = 1e-12, SAME = 1e-9, BLOCKS = 20, MIN_DRAWS = 20, NOT_KNOWN = "n/a";

  // --- numbers as popsim writes them ---

  // As Python's format(): correctly rounded, ties to even, thousands separated.
  function fixed(value, digits, signed = false) {
    let text = Math.abs(value).toFixed(digits);
    const exact = Math.abs(value).toFixed(Math.min(100, digits + 40));
    const rest = exact.slice(exact.indexOf(".") + 1 + digits);
    if (/^50*$/.test(rest)) {  // halfway: toFixed rounds up, Python to even
      const down = exact.slice(0, exact.length - rest.length).replace(/\.$/, "");
      if ("02468".includes(down[down.length - 1])) text = down;
    }
    const [whole, decimals] = text.split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (decimals ? "." + decimals : "");
    const negative = value < 0 || Object.is(value, -0);
    return (negative ? "-" : signed ? "+" : "") + grouped;
  }
  const change = (amount) => { const text = fixed(amount, 0, true); return /^[+-]0$/.test(text) ? "0" : text; };
  function rounded(value, digits = 3) {
    if (value === null || Number.isNaN(value)) return NOT_KNOWN;
    const size = value ? Math.floor(Math.log10(Math.abs(value))) : 0;
    return fixed(value, Math.max(0, digits - 1 - size));
  }
  function decimalsOf(low, high, digits) {
    if (low === null || high === null || !(high - low > SAME * Math.max(Math.abs(low), Math.abs(high)))) return null;
    return Math.max(0, digits - 2 - Math.floor(Math.log10(high - low)));
  }
  function span(low, high, digits = 3) {
    const decimals = decimalsOf(low, high, digits);
    return decimals === null ? null : `${fixed(low, decimals)} to ${fixed(high, decimals)}`;
  }
  function withInterval(value, low, high, digits = 3) {
    const decimals = decimalsOf(low, high, digits);
    return value === null || decimals === null ? rounded(value, digits)
      : `${fixed(value, decimals)} (${span(low, high, digits)})`;
  }

  // --- small linear algebra ---

  const sum = (values) => { let total = 0; for (const one of values) total += one; return total; };
  const mean = (values) => sum(values) / values.length;
  const zeros = (rows, columns) => Array.from({ length: rows }, () => new Float64Array(columns));
  const times = (a, b) => a.map((row) => b[0] === undefined ? [] : Array.from(b[0], (_, j) => {
    let total = 0; for (let k = 0; k < row.length; k++) total += row[k] * b[k][j]; return total;
  }));
  const transposed = (a) => a.length ? Array.from(a[0], (_, j) => a.map((row) => row[j])) : [];
  const columnsOf = (a, kept) => a.map((row) => Array.from(row).filter((_, j) => kept[j]));
  function covariance(x, y) {
    const [a, b] = [mean(x), mean(y)];
    let total = 0; for (let i = 0; i < x.length; i++) total += (x[i] - a) * (y[i] - b);
    return total / (x.length - 1);
  }
  // Eigenvalues, ascending, and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations.
  function eigen(matrix) {
    const n = matrix.length, a = matrix.map((row) => Array.from(row)), v = a.map((_, i) => a.map((_, j) => +(i === j)));
    for (let sweep = 0; sweep < 60; sweep++) {
      let off = 0, all = 0;
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) { all += a[i][j] ** 2; if (i !== j) off += a[i][j] ** 2; }
      if (off <= 1e-34 * all) break;
      for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
        if (a[p][q] === 0) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1), s = t * c;
        for (let k = 0; k < n; k++) { const x = a[k][p], y = a[k][q]; a[k][p] = c * x - s * y; a[k][q] = s * x + c * y; }
        for (let k = 0; k < n; k++) { const x = a[p][k], y = a[q][k]; a[p][k] = c * x - s * y; a[q][k] = s * x + c * y; }
        for (let k = 0; k < n; k++) { const x = v[k][p], y = v[k][q]; v[k][p] = c * x - s * y; v[k][q] = s * x + c * y; }
      }
    }
    const order = a.map((_, i) => i).sort((i, j) => a[i][i] - a[j][j]);
    return { values: order.map((i) => a[i][i]), vectors: v.map((row) => order.map((i) => row[i])) };
  }
  function solve(matrix, right) {
    const n = matrix.length, a = matrix.map((row, i) => [...row, ...right[i]]);
    for (let i = 0; i < n; i++) {
      let pivot = i; for (let k = i + 1; k < n; k++) if (Math.abs(a[k][i]) > Math.abs(a[pivot][i])) pivot = k;
      [a[i], a[pivot]] = [a[pivot], a[i]];
      for (let k = 0; k < n; k++) if (k !== i) {
        const share = a[k][i] / a[i][i]; for (let j = i; j < a[k].length; j++) a[k][j] -= share * a[i][j];
      }
    }
    return a.map((row, i) => row.slice(n).map((one) => one / row[i]));
  }

  // --- uncertainty.py ---

  // Means of columns by draw, and the Monte Carlo covariance of a draw's means (null where no draw has two).
  function nested(data, columns) {
    const draws = data.places.draws, k = columns.length, means = zeros(draws, k);
    data.places.of.forEach((place, row) => columns.forEach((column, j) => { means[place][j] += column[row]; }));
    means.forEach((row, place) => row.forEach((_, j) => { row[j] /= data.places.counts[place]; }));
    const free = data.places.of.length - draws;
    if (free < 1) return { means, noise: null };
    const noise = zeros(k, k), share = mean(Array.from(data.places.counts, (count) => 1 / count));
    data.places.of.forEach((place, row) => {
      for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) {
        noise[i][j] += (columns[i][row] - means[place][i]) * (columns[j][row] - means[place][j]);
      }
    });
    return { means, noise: noise.map((row) => row.map((one) => one / free * share)) };
  }
  function noiseAlong(inside, outside, noise) {
    const along = times(times(transposed(inside), noise), inside);
    const least = NO_SPREAD * sum(noise.map((row, i) => row[i]));
    if (!outside.length || !outside[0].length || least <= 0) return along;
    const cross = times(times(transposed(inside), noise), outside);
    const across = times(times(transposed(outside), noise), outside).map((row, i) => row.map((x, j) => x + (i === j ? least : 0)));
    const explained = times(cross, solve(across, transposed(cross)));
    const rank = eigen(noise).values.filter((one) => one > least).length, more = Math.max(1, rank / inside[0].length);
    return along.map((row, i) => row.map((x, j) => (x - explained[i][j]) * more));
  }
  function withoutNoise(means, noise) {
    const n = means.length, k = means[0].length, centre = Array.from({ length: k }, (_, j) => mean(means.map((row) => row[j])));
    const scale = centre.map((c, j) => Math.sqrt(sum(means.map((row) => (row[j] - c) ** 2)) / Math.max(n - 1, 1)));
    const varies = scale.map((one) => one > 0), places = scale.map((_, j) => j).filter((j) => varies[j]);
    if (!places.length) return means;
    const standard = means.map((row) => places.map((j) => (row[j] - centre[j]) / scale[j]));
    const product = zeros(places.length, places.length);
    for (const row of standard) for (let i = 0; i < row.length; i++) for (let j = 0; j < row.length; j++) product[i][j] += row[i] * row[j];
    const { values: size, vectors: axes } = eigen(product.map((row) => row.map((one) => one / (n - 1))));
    const kept = size.map((one) => one > NO_SPREAD * size[size.length - 1]), sizes = size.filter((_, i) => kept[i]);
    const scaled = places.map((i) => places.map((j) => noise[i][j] / (scale[i] * scale[j])));
    const inside = columnsOf(axes, kept), along = noiseAlong(inside, columnsOf(axes, kept.map((one) => !one)), scaled);
    const { values: share, vectors: turn } = eigen(along.map((row, i) => row.map((x, j) => x / Math.sqrt(sizes[i] * sizes[j]))));
    const keep = share.map((one) => Math.sqrt(Math.min(Math.max(1 - one, 0), 1)));
    const into = times(inside.map((row) => row.map((x, i) => x / Math.sqrt(sizes[i]))), turn).map((row) => row.map((x, i) => x * keep[i]));
    const back = times(transposed(turn), transposed(inside.map((row) => row.map((x, i) => x * Math.sqrt(sizes[i])))));
    const shrink = times(into, back);
    return means.map((row, r) => {
      const result = Array.from(row);
      places.forEach((j, column) => {
        let total = 0; for (let i = 0; i < places.length; i++) total += standard[r][i] * shrink[i][column];
        result[j] = centre[j] + total * scale[j];
      });
      return result;
    });
  }
  function centralInterval(values) {
    const n = values.length;
    if (0.025 * (n + 1) < 1 - 1e-9) return [null, null];
    const ordered = Float64Array.from(values).sort();
    return [0.025, 0.975].map((q) => {
      const at = Math.min(Math.max((n + 1) * q - 1, 0), n - 1), below = Math.floor(at), t = at - below;
      return ordered[below] + t * (ordered[Math.min(below + 1, n - 1)] - ordered[below]);
    });
  }
  // Mean with its Monte Carlo interval and its interval over parameters.
  function nestedMean(data, values) {
    const { means, noise } = nested(data, [values]), own = means.map((row) => row[0]), several = own.length > 1;
    const units = several ? own : values, spread = several ? covariance(own, own) : null;
    const reach = units.length > 1 ? data.t_units * Math.sqrt(covariance(units, units) / units.length) : null;
    const result = { mean: mean(own), low: null, high: null, parameter_low: null, parameter_high: null };
    if (reach !== null && data.has_intervals) { result.low = result.mean - reach; result.high = result.mean + reach; }
    if (several && noise !== null && (spread > noise[0][0] || noise[0][0] === 0)) {
      const pull = spread > 0 ? Math.sqrt(spread - noise[0][0]) / Math.sqrt(spread) : 0, [low, high] = centralInterval(own);
      if (low !== null) {
        result.parameter_low = (low - result.mean) * pull + result.mean;
        result.parameter_high = (high - result.mean) * pull + result.mean;
      }
    }
    return result;
  }

  // --- cost_effectiveness.py ---

  function verdict(cost, effect) {
    if (cost === 0 && effect === 0) return "no difference";
    if (cost <= 0 && effect >= 0) return "dominant";
    if (cost >= 0 && effect <= 0) return "dominated";
    return effect > 0 ? "gains health at a cost" : "saves money, loses health";
  }
  function ratioInterval(numerator, denominator, v, quantile) {
    const q = quantile ** 2, a = denominator ** 2 - v[1][1] * q, b = numerator * denominator - v[0][1] * q;
    const c = numerator ** 2 - v[0][0] * q, inside = b * b - a * c;
    if (a === 0 || inside < -ROUNDING * b * b) return { form: "unbounded", low: null, high: null };
    const root = Math.sqrt(Math.max(inside, 0)), ends = [(b - root) / a, (b + root) / a].sort((x, y) => x - y);
    return { form: a > 0 ? "bounded" : "outside", low: ends[0], high: ends[1] };
  }
  const NO_RATIO = { form: "none", low: null, high: null };
  function difference(values, base) {
    return values.map((one, i) => Math.abs(one - base[i]) <= ROUNDING * Math.max(Math.abs(one), Math.abs(base[i])) ? 0 : one - base[i]);
  }
  function ratioOf(data, cost, effect) {
    const { means, noise } = nested(data, [cost, effect]), both = [0, 1].map((j) => means.map((row) => row[j]));
    const [c, e] = both.map(mean), units = means.length > 1 ? both : [cost, effect], n = units[0].length;
    const matrix = (one) => [0, 1].map((i) => [0, 1].map((j) => covariance(one[i], one[j])));
    const monteCarlo = n < 2 || !data.has_intervals ? NO_RATIO
      : ratioInterval(mean(units[0]), mean(units[1]), matrix(units).map((row) => row.map((x) => x / n)), data.t_units);
    let parameters = NO_RATIO;
    if (noise !== null && means.length > 1 && !both.some((one, i) => noise[i][i] > 0 && covariance(one, one) <= noise[i][i])) {
      const exact = withoutNoise(means, noise);
      parameters = ratioInterval(c, e, matrix([0, 1].map((j) => exact.map((row) => row[j]))), data.z);
    }
    return { cost: c, effect: e, verdict: verdict(c, e), icer: c * e > 0 ? c / e : null, monteCarlo, parameters };
  }
  function ratioInWords(row) {
    const words = { dominant: "dominant: better, cheaper", dominated: "dominated: worse, dearer", "no difference": "no difference in any replication" };
    if (row.verdict in words) return words[row.verdict];
    return row.effect < 0 ? `saves ${fixed(row.icer, 0)} per ${row.lost} lost` : fixed(row.icer, 0);
  }
  function intervalInWords(row, interval) {
    if (row.verdict === "no difference") return "";
    if (interval.form === "none") return NOT_KNOWN;
    if (interval.form === "unbounded") return "any value";
    const [low, high] = [fixed(interval.low, 0), fixed(interval.high, 0)];
    return interval.form === "bounded" ? `${low} to ${high}` : `below ${low} or above ${high}`;
  }

  // --- decision.py and information.py ---

  function sameAs(cost, effect) {
    const close = (table, i, j) => table.every((row) => Math.abs(row[i] - row[j]) <= ROUNDING * Math.abs(row[j]));
    const same = {};
    for (let i = 0; i < cost[0].length; i++) for (let first = 0; first < i; first++) {
      if (!(first in same) && close(cost, i, first) && close(effect, i, first)) { same[i] = first; break; }
    }
    return same;
  }
  function frontier(cost, effect) {  // by mean cost and effect: status and steps, as heormodel's icer_table
    const order = cost.map((_, i) => i).sort((i, j) => cost[i] - cost[j] || effect[j] - effect[i]), status = order.map(() => "on the frontier");
    order.forEach((i, a) => order.forEach((j, b) => {
      const weak = cost[j] <= cost[i] && effect[j] >= effect[i], strict = cost[j] < cost[i] || effect[j] > effect[i];
      if (a !== b && ((weak && strict) || (b < a && cost[j] === cost[i] && effect[j] === effect[i]))) status[a] = "dominated";
    }));
    const steps = () => order.map((i, a) => [i, a]).filter(([, a]) => status[a] === "on the frontier");
    const slope = (one, before) => (cost[one[0]] - cost[before[0]]) / (effect[one[0]] - effect[before[0]]);
    for (;;) {
      const left = steps(), bad = left.findIndex((one, k) => k > 0 && k < left.length - 1 && slope(one, left[k - 1]) > slope(left[k + 1], one));
      if (left.length < 3 || bad < 0) break;
      status[left[bad][1]] = "extendedly dominated";
    }
    const left = steps(), icers = new Map(left.slice(1).map((one, k) => [one[0], slope(one, left[k])]));
    return order.map((i, a) => ({ place: i, status: status[a], icer: icers.has(i) ? icers.get(i) : null }));
  }
  // The decision by perspective, effect and horizon: kept, because the willingness to pay does not change it.
  function decision(data, cost, effect) {
    const key = `${cost}|${effect.column}`;
    if (data.kept.has(key)) return data.kept.get(key);
    const count = data.strategies.length, of = (name) => data.columns[name];
    const costs = of(cost), effects = of(effect.column).map((one) => one.map((x) => x * effect.sign));
    const { means, noise } = nested(data, [...costs, ...effects]);
    const part = (rows, from) => rows.map((row) => Array.from(row).slice(from, from + count));
    const same = sameAs(part(means, 0), part(means, count)), distinct = data.strategies.map((_, i) => i).filter((i) => !(i in same));
    const both = [...distinct, ...distinct.map((i) => count + i)], own = means.map((row) => both.map((i) => row[i]));
    const ownNoise = noise && both.map((i) => both.map((j) => noise[i][j]));
    const exactOf = (rows) => ownNoise === null || rows.length < 2 ? rows : withoutNoise(rows, ownNoise);
    const pairs = data.strategies.map((_, i) => i === 0 ? null : {
      cost: difference(costs[i], costs[0]), effect: difference(of(effect.column)[i], of(effect.column)[0]).map((x) => x * effect.sign),
    });
    const found = {
      costs, effects, means, noise: ownNoise, same, distinct, pairs, own,
      exact: exactOf(own), blocks: null, ratios: pairs.map((pair) => pair && ratioOf(data, pair.cost, pair.effect)),
      withoutBlock(block) { return exactOf(own.filter((_, i) => i % Math.min(BLOCKS, own.length) !== block)); },
    };
    data.kept.set(key, found);
    return found;
  }
  const benefits = (rows, price) => { const s = rows[0].length / 2; return rows.map((row) => Array.from({ length: s }, (_, i) => price * row[s + i] - row[i])); };
  function acceptability(found, price) {
    const rows = benefits(found.exact, price), s = rows[0].length, probability = Array(s).fill(0), loss = Array(s).fill(0), means = Array(s).fill(0);
    let most = 0;
    for (const row of found.exact) for (let i = 0; i < s; i++) most = Math.max(most, price * Math.abs(row[s + i]) + Math.abs(row[i]));
    for (const row of rows) {
      const top = Math.max(...row), best = row.map((one) => one >= top - ROUNDING * most), shared = best.filter(Boolean).length;
      row.forEach((one, i) => { probability[i] += best[i] / shared; loss[i] += top - one; means[i] += one; });
    }
    const n = rows.length;
    return { probability: probability.map((x) => x / n), loss: loss.map((x) => x / n), optimal: means.indexOf(Math.max(...means)) };
  }
  function informationValue(rows, price) {  // E[max] - max E over increments on the comparator
    const s = rows[0].length / 2, means = Array(s).fill(0);
    let best = 0, largest = 0;
    for (const row of rows) {
      const base = price * row[s] - row[0];
      let top = 0;
      for (let i = 1; i < s; i++) {
        const more = price * row[s + i] - row[i] - base;
        means[i] += more; top = Math.max(top, more); largest = Math.max(largest, Math.abs(more));
      }
      best += top;
    }
    const gain = best / rows.length - Math.max(0, ...means.map((one) => one / rows.length));
    return gain > SAME * largest ? gain : 0;
  }
  function evpi(data, found, price) {
    if (data.draws < MIN_DRAWS || found.distinct.length < 2) return null;
    const blocks = Math.min(BLOCKS, found.own.length);
    found.blocks = found.blocks || Array.from({ length: blocks }, (_, block) => found.withoutBlock(block));
    const value = informationValue(found.exact, price), without = found.blocks.map((rows) => informationValue(rows, price)), centre = mean(without);
    const error = Math.sqrt((blocks - 1) * mean(without.map((one) => (one - centre) ** 2)));
    return { value, low: Math.max(0, value - data.t_blocks * error), high: value + data.t_blocks * error };
  }

  // --- what the page shows ---

  function viewOf(data, settings) {
    const horizon = data.horizons[settings.horizon], effect = horizon.effects[settings.effect] || Object.values(horizon.effects)[0];
    return { cost: horizon.costs[settings.perspective] || Object.values(horizon.costs)[0], effect };
  }
  // Everything about the choice at one setting: numbers, and the words in which popsim prints them.
  function decide(data, settings) {
    const view = viewOf(data, settings), found = decision(data, view.cost, view.effect), price = settings.price;
    const averages = (from) => data.strategies.map((_, i) => mean(found.means.map((row) => row[from + i])));
    const cost = averages(0), effect = averages(data.strategies.length), sure = data.draws > 1 ? acceptability(found, price) : null;
    const kept = found.distinct, steps = new Map(frontier(kept.map((i) => cost[i]), kept.map((i) => effect[i])).map((one) => [kept[one.place], one]));
    const rows = data.strategies.map((title, i) => {
      const first = i in found.same ? found.same[i] : i, member = kept.indexOf(first), step = steps.get(first), ratio = found.ratios[i];
      const row = { title, cost: rounded(cost[i], 4), effect: rounded(effect[i], 4),
        status: first !== i ? `same as ${data.strategies[first].toLowerCase()}` : step.status,
        step: first !== i || step.icer === null ? "" : rounded(step.icer),
        probability: sure && `${fixed(100 * sure.probability[member], 0)}%`, loss: sure && rounded(sure.loss[member]), optimal: sure !== null && member === sure.optimal };
      if (i === 0) return { ...row, benefit: "0", parameters: "0", icer: "", fieller: "", icer_parameters: "", gain: null };
      const pair = found.pairs[i], benefit = nestedMean(data, pair.effect.map((x, j) => price * x - pair.cost[j]));
      const words = { ...ratio, lost: view.effect.lost };
      const none = found.same[i] === 0;
      return { ...row, gain: benefit, ratio, benefit: none ? "0" : withInterval(benefit.mean, benefit.low, benefit.high),
        parameters: none ? "0" : span(benefit.parameter_low, benefit.parameter_high) || NOT_KNOWN, icer: ratioInWords(words),
        fieller: intervalInWords(words, ratio.monteCarlo), icer_parameters: intervalInWords(words, ratio.parameters) };
    });
    const worth = evpi(data, found, price);
    return { rows, found, view, sure, evpi: worth, evpiInWords: worth === null ? NOT_KNOWN : worth.value === 0 ? "0" : withInterval(worth.value, worth.low, worth.high) };
  }
  const uptakes = (settings) => Array.from({ length: settings.years }, (_, t) =>
    settings.years < 2 ? settings.first : settings.first + (settings.last - settings.first) * t / (settings.years - 1));
  // Undiscounted budget by year of a strategy instead of the comparator, with the interval of its net impact.
  function budget(data, settings, place) {
    const spent = data.spending[settings.perspective], one = spent.strategies[place], share = uptakes(settings), n = spent.base[0].length;
    const people = (year, t) => settings.people * share[t];
    const years = share.map((_, year) => {
      let base = 0; const weights = new Float64Array(n), net = spent.components.map(() => 0);
      for (let t = 0; t <= year; t++) if (year - t < n) {
        weights[year - t] += people(year, t);
        spent.components.forEach((_, c) => { base += settings.people * spent.base[c][year - t]; net[c] += people(year, t) * one.means[c][year - t]; });
      }
      let variance = 0;
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) variance += weights[i] * weights[j] * one.covariance[i][j];
      const total = sum(net), reach = data.has_intervals ? data.t_units * Math.sqrt(Math.max(variance, 0) / data.units) : null;
      return { current: base, net: total, low: reach === null ? null : total - reach, high: reach === null ? null : total + reach, parts: net };
    });
    return { components: spent.components, uptake: share, years: years.map((row) => ({ ...row,
      words: { current: fixed(row.current, 0), new: fixed(row.current + row.net, 0), net: change(row.net),
        interval: row.low === null ? "" : `${change(row.low)} to ${change(row.high)}` } })) };
  }
  function decoded(text) {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    return Array.from(new Float64Array(bytes.buffer));
  }
  function read(embedded) {
    const rows = embedded.draw_of_row, known = [...new Set(rows)].sort((a, b) => a - b), place = new Map(known.map((draw, i) => [draw, i]));
    const counts = new Float64Array(known.length); rows.forEach((draw) => { counts[place.get(draw)] += 1; });
    const columns = {};
    for (const [name, text] of Object.entries(embedded.values)) {
      const all = decoded(text), n = rows.length;
      columns[name] = embedded.strategies.map((_, i) => all.slice(i * n, (i + 1) * n));
    }
    return { ...embedded, columns, kept: new Map(), places: { draws: known.length, of: rows.map((draw) => place.get(draw)), counts } };
  }
  return { acceptability, budget, change, decide, decision, fixed, informationValue, mean, nested, read, rounded, uptakes, viewOf, withInterval, withoutNoise, eigen };
})();
if (typeof module !== "undefined") module.exports = Revaluing;
