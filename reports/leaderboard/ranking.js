/* The ranking of evalkit/reporting/ranking.py and the strengths of leaderboard/strengths.py, line by line. */
const ranking = (() => {
  const ALPHA = 0.05;

  /* The complementary error function (series and continued fraction), to about 1e-12. */
  function erfc(x) {
    if (x < 2.5) { let term = x, sum = x; for (let n = 1; n < 200 && Math.abs(term) > 1e-17; n++) { term *= -x * x / n; sum += term / (2 * n + 1); } return 1 - 2 / Math.sqrt(Math.PI) * sum; }
    let fraction = x; for (let n = 80; n > 0; n--) fraction = x + n / 2 / fraction;
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  }
  const pOf = (d, e) => d === null || e === null || d === 0 || !isFinite(d) || !isFinite(e) ? 1 : e === 0 ? 0 : erfc(Math.abs(d) / e / Math.SQRT2);
  function holm(all) {
    const order = all.map((_, i) => i).sort((a, b) => all[a] - all[b]), adjusted = [];
    let highest = 0;
    order.forEach((i, place) => { highest = Math.max(highest, Math.min(1, (all.length - place) * all[i])); adjusted[i] = highest; });
    return adjusted;
  }
  /* Places of the models that have a value, best first, and the pairs that are told apart as "better>worse". */
  function ranked(values, difference, error) {
    const order = values.map((_, i) => i).filter((i) => values[i] !== null).sort((a, b) => values[b] - values[a]), pairs = [];
    order.forEach((i, place) => order.slice(place + 1).forEach((j) => pairs.push([i, j])));
    const adjusted = holm(pairs.map(([i, j]) => pOf(difference(i, j), error(i, j)))), better = new Set();
    pairs.forEach(([i, j], place) => { if (adjusted[place] <= ALPHA) better.add(difference(i, j) > 0 ? `${i}>${j}` : `${j}>${i}`); });
    let leader = -1, group = -1;
    const places = order.map((i) => {
      if (leader < 0 || better.has(`${leader}>${i}`)) { leader = i; group++; }
      return { model: i, low: 1 + order.filter((j) => better.has(`${j}>${i}`)).length, high: order.length - order.filter((j) => better.has(`${i}>${j}`)).length, group };
    });
    return { places, better };
  }
  const letter = (group) => { let name = ""; for (; group >= 0; group = Math.floor(group / 26) - 1) name = String.fromCharCode(65 + group % 26) + name; return name; };
  const summed = (tables, size) => Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => tables.reduce((sum, table) => sum + table[i][j], 0)));

  /* Log-odds with mean 0 and their errors, of tables of wins and of how wins vary together; null where nobody met. */
  function strengths(wins, scatter, size) {
    const table = summed(wins, size), spread = summed(scatter, size), met = (i, j) => table[i][j] + table[j][i] > 0;
    if (!wins.length || size < 2) return null;
    const smooth = table.map((row, i) => row.map((value, j) => value + (met(i, j) ? 0.5 : 0))), games = smooth.map((row, i) => row.map((value, j) => value + smooth[j][i]));
    let strength = Array(size).fill(1);
    for (let step = 0; step < 10000; step++) {
      const next = strength.map((own, i) => smooth[i].reduce((a, b) => a + b, 0) / games[i].reduce((sum, n, j) => sum + n / (own + strength[j]), 0));
      const mean = Math.exp(next.reduce((sum, one) => sum + Math.log(one), 0) / size), scaled = next.map((one) => one / mean);
      const moved = Math.max(...scaled.map((one, i) => Math.abs(Math.log(one / strength[i]))));
      strength = scaled;
      if (moved < 1e-12) break;
    }
    const theta = strength.map(Math.log), weight = (i, j) => { const p = 1 / (1 + Math.exp(theta[j] - theta[i])); return games[i][j] * p * (1 - p); };
    /* J + 11ᵀ/k has an inverse, which is J⁺ + 11ᵀ/k. */
    const information = theta.map((_, i) => theta.map((_, j) => (i === j ? theta.reduce((sum, _, other) => sum + weight(i, other), 0) - weight(i, i) : -weight(i, j)) + 1 / size));
    const inverse = inverted(information).map((row) => row.map((value) => value - 1 / size));
    return theta.map((value, i) => {
      let variance = 0;
      for (let a = 0; a < size; a++) for (let b = 0; b < size; b++) variance += inverse[i][a] * spread[a][b] * inverse[b][i];
      return { value, error: Math.sqrt(Math.max(0, variance)) };
    });
  }
  /* Gauss and Jordan, with the largest pivot of each column. */
  function inverted(matrix) {
    const size = matrix.length, rows = matrix.map((row, i) => [...row, ...row.map((_, j) => Number(i === j))]);
    for (let column = 0; column < size; column++) {
      let best = column;
      for (let i = column + 1; i < size; i++) if (Math.abs(rows[i][column]) > Math.abs(rows[best][column])) best = i;
      [rows[column], rows[best]] = [rows[best], rows[column]];
      const pivot = rows[column][column];
      rows[column] = rows[column].map((value) => value / pivot);
      for (let i = 0; i < size; i++) if (i !== column) { const factor = rows[i][column]; rows[i] = rows[i].map((value, j) => value - factor * rows[column][j]); }
    }
    return rows.map((row) => row.slice(size));
  }
  return { ranked, letter, strengths };
})();
