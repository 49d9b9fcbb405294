/* Weights, columns, single cells and downloads. The ranking is that of evalkit/reporting/ranking.py, line by line. */
(() => {
  const { el, shown, json, save, csv } = kit;
  const data = json("data"), body = document.querySelector("#board tbody"), ALPHA = 0.05;
  const rows = new Map([...body.rows].map((row) => [Number(row.dataset.model), row]));
  const models = data.models.map((model) => model.model), inputs = [...document.querySelectorAll("input[data-weight]")];
  const get = (id) => document.getElementById(id);
  get("tools").hidden = false;

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
  function ranked(values, difference, error) {
    const order = models.map((_, i) => i).filter((i) => values[i] !== null).sort((a, b) => values[b] - values[a]), pairs = [];
    order.forEach((i, place) => order.slice(place + 1).forEach((j) => pairs.push([i, j])));
    const adjusted = holm(pairs.map(([i, j]) => pOf(difference(i, j), error(i, j)))), better = new Set();
    pairs.forEach(([i, j], place) => { if (adjusted[place] <= ALPHA) better.add(difference(i, j) > 0 ? `${i}>${j}` : `${j}>${i}`); });
    let leader = -1, group = -1;
    return order.map((i) => {
      if (leader < 0 || better.has(`${leader}>${i}`)) { leader = i; group++; }
      return { model: i, low: 1 + order.filter((j) => better.has(`${j}>${i}`)).length, high: order.length - order.filter((j) => better.has(`${i}>${j}`)).length, group };
    });
  }
  const letter = (group) => { let name = ""; for (; group >= 0; group = Math.floor(group / 26) - 1) name = String.fromCharCode(65 + group % 26) + name; return name; };

  let latest = null;
  function weigh() {
    const weights = data.tasks.map(() => 0);
    for (const input of inputs) {
      const column = Number(input.dataset.weight);
      const on = document.querySelector(`input[data-column="${column}"]`).checked;
      weights[column] = on ? Number(input.value) : 0;
      input.parentElement.querySelector("output").textContent = input.value;
    }
    const total = weights.reduce((a, b) => a + b, 0), used = data.tasks.map((_, t) => t).filter((t) => weights[t] > 0);
    const mean = (of) => used.reduce((sum, t) => sum + weights[t] * of(t), 0) / total;
    const full = models.map((_, m) => used.length > 0 && used.every((t) => data.tasks[t].cells[m]));
    const averages = models.map((_, m) => full[m] ? mean((t) => data.tasks[t].cells[m].value) : null);
    /* Tasks over the same questions may move together: what they reach is added, and only then squared. */
    const reach = (of) => {
      const sums = {};
      for (const t of used) { const name = data.tasks[t].questions; sums[name] = (sums[name] || 0) + weights[t] * of(t); }
      return Math.sqrt(Object.values(sums).reduce((sum, one) => sum + one * one, 0)) / total;
    };
    const spread = (m, end) => reach((t) => { const c = data.tasks[t].cells[m]; return c[end] - c.value; });
    const whole = (of, finish) => (i, j) => used.some((t) => of(t, i, j) === null) ? null : finish(i, j);
    const difference = whole((t, i, j) => data.tasks[t].difference[i][j], (i, j) => mean((t) => data.tasks[t].difference[i][j]));
    const error = whole((t, i, j) => data.tasks[t].standard_error[i][j], (i, j) => reach((t) => data.tasks[t].standard_error[i][j]));
    const ranks = ranked(averages, difference, error);
    latest = { weights, averages, ranks };
    let before = -1;
    for (const one of ranks) {
      const row = rows.get(one.model);
      row.querySelector(".rank").textContent = one.low === one.high ? one.low : `${one.low}–${one.high}`;
      row.querySelector(".tie").textContent = letter(one.group);
      row.classList.toggle("new-group", before >= 0 && one.group !== before);
      before = one.group;
      const value = averages[one.model];
      row.querySelector(".average").replaceChildren(el("strong", {}, kit.number(value, "proportion")), bar(one.model, value, value - spread(one.model, "low"), value + spread(one.model, "high")));
      body.append(row);
    }
    models.forEach((_, m) => { if (!ranks.some((one) => one.model === m)) { const row = rows.get(m); row.querySelector(".rank").textContent = "–"; row.querySelector(".tie").textContent = "";
      row.querySelector(".average").replaceChildren(el("span", { class: "soft" }, used.length ? "not all tasks" : "no task counts")); body.append(row); } });
  }
  function bar(model, value, low, high) {
    const svg = (name, properties, ...children) => { const made = document.createElementNS("http://www.w3.org/2000/svg", name); for (const [key, one] of Object.entries(properties)) made.setAttribute(key, one); made.append(...children); return made; };
    const at = (x) => 4 + 172 * Math.min(1, Math.max(0, x)), percent = (x) => kit.number(x, "proportion");
    const label = `average of ${kit.plain(models[model])}: ${percent(value)}, ${percent(low)} to ${percent(high)}`;
    return svg("svg", { class: "chart interval", viewBox: "0 0 180 20", width: 180, height: 20, role: "img", "aria-label": label }, svg("line", { class: "axis", x1: 4, x2: 176, y1: 10, y2: 10 }),
      svg("rect", { class: "range", x: at(low), y: 6, width: Math.max(1, at(high) - at(low)), height: 8, rx: 4 }), svg("circle", { class: "dot", cx: at(value), cy: 10, r: 4 }));
  }

  const params = () => new URLSearchParams(location.hash.slice(1));
  function store() {
    const parts = new URLSearchParams();
    const weights = inputs.filter((input) => input.value !== "1").map((input) => `${input.dataset.weight}:${input.value}`);
    const off = [...document.querySelectorAll("input[data-column]:not(:checked)")].map((input) => input.dataset.column);
    if (weights.length) parts.set("weights", weights.join(","));
    if (off.length) parts.set("hide", off.join(","));
    history.replaceState(null, "", "#" + parts);
  }
  function columns() {
    for (const input of document.querySelectorAll("input[data-column]"))
      for (const cell of document.querySelectorAll(`#board [data-column="${input.dataset.column}"]`)) cell.hidden = !input.checked;
  }
  function restore() {
    const weights = new Map((params().get("weights") || "").split(",").map((pair) => pair.split(":"))), off = (params().get("hide") || "").split(",");
    for (const input of inputs) input.value = weights.get(input.dataset.weight) || "1";
    for (const input of document.querySelectorAll("input[data-column]")) input.checked = !off.includes(input.dataset.column);
    columns(); weigh();
  }
  get("tools").addEventListener("input", () => { columns(); weigh(); store(); get("status").textContent = `Ranked again: ${kit.plain(latest.ranks.length ? models[latest.ranks[0].model] : "no model")} first.`; });
  get("tools").addEventListener("submit", (event) => event.preventDefault());

  /* ---- one cell */
  const dialog = get("cell");
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cell]");
    if (!button) return;
    const task = data.tasks[Number(button.dataset.cell)], model = Number(button.closest("tr").dataset.model), cell = task.cells[model];
    const line = ([name, value, low, high, n, scale]) => el("tr", {}, el("th", { scope: "row" }, shown(name)), el("td", { class: "n" }, kit.number(value, scale)), el("td", { class: "n" }, `${kit.number(low, scale)} – ${kit.number(high, scale)}`), el("td", { class: "n" }, n.toLocaleString("en")));
    dialog.replaceChildren(el("h2", { id: "cell-title" }, shown(`${models[model]} on ${task.task}`)),
      el("table", {}, el("thead", {}, el("tr", {}, ["metric", "value", "95 %", "n"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, cell.metrics.map(line))),
      el("p", { class: "note" }, `${cell.failed} could not be measured; measured ${cell.created.slice(0, 16).replace("T", " ")} UTC`),
      el("p", {}, el("code", {}, shown(cell.signature))),
      el("p", {}, "Samples: ", el("code", {}, shown(`evalkit report ${cell.run} --as html`)), data.pages ? el("span", {}, " or ", el("a", { href: `${data.pages}/${model}.html#task=${encodeURIComponent(task.task)}` }, "this model's page")) : null),
      el("button", { type: "button", onclick: () => dialog.close() }, "Close"));
    dialog.showModal();
  });

  /* ---- downloads, as ranked now */
  get("json").addEventListener("click", () => save("leaderboard.json", "application/json", JSON.stringify({ ...data, weights: latest.weights, ranking: latest.ranks.map((one) => ({ ...one, model: models[one.model], average: latest.averages[one.model] })) }, null, 2)));
  get("csv").addEventListener("click", () => {
    const order = [...body.rows].map((row) => Number(row.dataset.model)), lines = [["rank", "tie group", "model", "average", ...data.tasks.flatMap((task) => [task.task, `${task.task} low`, `${task.task} high`])]];
    for (const model of order) lines.push([rows.get(model).querySelector(".rank").textContent, rows.get(model).querySelector(".tie").textContent, models[model], latest.averages[model],
      ...data.tasks.flatMap((task) => { const c = task.cells[model]; return c ? [c.value, c.low, c.high] : ["", "", ""]; })]);
    save("leaderboard.csv", "text/csv", csv(lines));
  });
  addEventListener("hashchange", restore);
  restore();
  document.documentElement.dataset.ready = "1";
})();
