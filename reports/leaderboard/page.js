/* Weights, columns, pairs, cells and downloads: what a reader chooses is ranked again. */
(() => {
  const { el, shown, json, save, csv } = kit;
  const data = json("data"), body = document.querySelector("#board tbody"), Z = 1.959963984540054;
  const rows = new Map([...body.rows].map((row) => [Number(row.dataset.model), row]));
  const models = data.models.map((model) => model.model), size = models.length, inputs = [...document.querySelectorAll("input[data-weight]")];
  const get = (id) => document.getElementById(id), percent = (x) => kit.number(x, "proportion"), many = (n) => n.toLocaleString("en");
  const points = (x) => { const text = (100 * x).toFixed(1); return x > 0 ? `+${text}` : Number(text) === 0 ? "+0.0" : text; };
  const drawing = document.querySelector("svg.figure");
  get("tools").hidden = false;

  let latest = null;
  const visible = (column) => document.querySelector(`input[data-column="${column}"]`)?.checked ?? true;
  const mode = () => document.querySelector('input[name="basis"]:checked')?.value || "core";
  function chosen() {
    const weights = data.tasks.map(() => 0);
    for (const input of inputs) { const column = Number(input.dataset.weight); weights[column] = visible(column) ? Math.max(0, Number(input.value) || 0) : 0; }
    const eligible = models.map((_, m) => m).filter((m) => mode() === "all" || !data.models[m].why_unranked);
    const counts = (t) => weights[t] > 0 && (mode() === "all" || eligible.every((m) => data.tasks[t].cells[m]));
    return { weights, eligible, used: data.tasks.map((_, t) => t).filter(counts) };
  }
  function weigh() {
    const { weights, eligible, used } = chosen(), total = used.reduce((sum, t) => sum + weights[t], 0);
    const mean = (of) => used.reduce((sum, t) => sum + weights[t] * of(t), 0) / total;
    const full = models.map((_, m) => used.length > 0 && eligible.includes(m) && used.every((t) => data.tasks[t].cells[m]));
    const averages = models.map((_, m) => full[m] ? mean((t) => data.tasks[t].cells[m].value) : null);
    /* Tasks over the same questions may move together: what they reach is added, and only then squared. */
    const reach = (of) => {
      const sums = {};
      for (const t of used) { const name = data.tasks[t].questions; sums[name] = (sums[name] || 0) + weights[t] * of(t); }
      return Math.sqrt(Object.values(sums).reduce((sum, one) => sum + one * one, 0)) / total;
    };
    const ends = models.map((_, m) => full[m] ? ["low", "high"].map((end) => averages[m] + (end === "low" ? -1 : 1) * reach((t) => Math.abs(data.tasks[t].cells[m][end] - data.tasks[t].cells[m].value))) : null);
    const whole = (of, finish) => (i, j) => !used.length || used.some((t) => of(t, i, j) === null) ? null : finish(i, j);
    const difference = whole((t, i, j) => data.tasks[t].difference[i][j], (i, j) => mean((t) => data.tasks[t].difference[i][j]));
    const error = whole((t, i, j) => data.tasks[t].standard_error[i][j], (i, j) => reach((t) => data.tasks[t].standard_error[i][j]));
    const { places, better } = ranking.ranked(averages, difference, error);
    latest = { weights, used, averages, ends, places, better, difference, error };
    table(); draw(); prices(); wins(); say();
  }

  /* ---- what is shown of it */
  const spanOf = (one) => one.low === one.high ? String(one.low) : `${one.low}–${one.high}`;
  function table() {
    let before = -1;
    for (const one of latest.places) {
      const row = rows.get(one.model);
      row.querySelector(".rank").textContent = spanOf(one);
      row.querySelector(".tie").textContent = ranking.letter(one.group);
      row.classList.toggle("new-group", before >= 0 && one.group !== before);
      before = one.group;
      row.querySelector(".average").replaceChildren(el("strong", {}, percent(latest.averages[one.model])));
      body.append(row);
    }
    models.forEach((_, m) => { if (latest.averages[m] === null) { const row = rows.get(m); row.querySelector(".rank").textContent = "–"; row.querySelector(".tie").textContent = ""; row.classList.remove("new-group");
      row.querySelector(".average").replaceChildren(el("span", { class: "soft" }, latest.used.length ? "not all tasks" : "no task counts")); body.append(row); } });
  }
  function draw() {
    if (!drawing) return;
    const at = (x) => 214 + 280 * Math.min(1, Math.max(0, x)), place = (rank) => 590 + 150 * (size > 1 ? (rank - 1) / (size - 1) : 0.5);
    const set = (element, values) => { for (const [key, value] of Object.entries(values)) element.setAttribute(key, value); };
    const found = new Map(latest.places.map((one, order) => [one.model, { ...one, order }]));
    for (const group of drawing.querySelectorAll("g.model")) {
      const model = Number(group.dataset.model), one = found.get(model);
      group.toggleAttribute("hidden", !one);
      if (!one) continue;
      const value = latest.averages[model], [low, high] = latest.ends[model];
      set(group, { transform: `translate(0,${40 + 28 * one.order})` });
      group.querySelector("title").textContent = `${kit.plain(models[model])}: ${percent(value)} (${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)}), rank ${spanOf(one)}`;
      set(group.querySelector(".range"), { x: at(low), width: Math.max(1, at(high) - at(low)) });
      set(group.querySelector(".dot"), { cx: at(value) });
      group.querySelector(".value").textContent = percent(value);
      set(group.querySelector(".places"), { x: place(one.low) - 6, width: place(one.high) - place(one.low) + 12 });
    }
  }
  /* Points of the charts of prices go up or down with the averages, and so does the line through the best. */
  function prices() {
    for (const chart of document.querySelectorAll("svg.scatter")) {
      const low = Number(chart.dataset.low), high = Number(chart.dataset.high), y = (value) => 230 - 210 * Math.min(1, Math.max(0, (value - low) / (high - low))), points = [];
      const name = new Map([...chart.querySelectorAll("g.model text")].map((text) => [text.parentElement.dataset.model, text]));
      for (const group of chart.querySelectorAll("g.model:has(circle)")) {
        const model = Number(group.dataset.model), value = latest.averages[model], circle = group.querySelector("circle"), text = name.get(group.dataset.model);
        group.toggleAttribute("hidden", value === null); text?.toggleAttribute("hidden", value === null);
        if (value === null) continue;
        const moved = y(value) - Number(circle.getAttribute("cy"));
        text?.setAttribute("y", Number(text.getAttribute("y")) + moved);
        circle.setAttribute("cy", y(value));
        group.querySelector("line").setAttribute("y1", y(latest.ends[model][0])); group.querySelector("line").setAttribute("y2", y(latest.ends[model][1]));
        const title = circle.querySelector("title"); title.textContent = title.textContent.replace(/: [\d.]+%/, `: ${percent(value)}`);
        points.push({ circle, x: Number(circle.getAttribute("cx")), value });
      }
      const best = points.filter((one) => !points.some((other) => other.x <= one.x && other.value >= one.value && (other.x < one.x || other.value > one.value)));
      for (const one of points) one.circle.classList.toggle("best", best.includes(one));
      chart.querySelector(".front").setAttribute("points", best.sort((a, b) => a.x - b.x).map((one) => `${one.x},${one.circle.getAttribute("cy")}`).join(" "));
    }
  }
  /* Win rates and strengths are over the tasks that are shown. */
  const met = (i, j) => data.tasks.filter((task, t) => visible(t) && (task.counts || !task.toy) && task.paired[i][j] > 0);
  function wins() {
    const matrix = document.querySelector(".matrix");
    if (!matrix) return;
    const tasks = data.tasks.filter((task, t) => visible(t) && task.common), found = ranking.strengths(tasks.map((task) => task.wins), tasks.map((task) => task.scatter_of_wins), size);
    for (const cell of matrix.querySelectorAll("[data-strength]")) {
      const one = found?.[Number(cell.dataset.strength)];
      cell.replaceChildren(one ? `${one.value >= 0 ? "+" : "−"}${Math.abs(one.value).toFixed(2)}` : "–", one ? el("span", { class: "sub" }, `± ${(Z * one.error).toFixed(2)}`) : "");
    }
    for (const button of matrix.querySelectorAll("button[data-pair]")) {
      const [i, j] = button.dataset.pair.split(" ").map(Number), over = met(i, j), rate = over.reduce((sum, task) => sum + task.wins[i][j] / task.paired[i][j], 0) / over.length;
      button.textContent = over.length ? percent(rate) : "–";
      button.parentElement.classList.toggle("ahead", latest.better.has(`${i}>${j}`)); button.parentElement.classList.toggle("behind", latest.better.has(`${j}>${i}`));
    }
    get("over").textContent = tasks.map((task) => kit.plain(task.task)).join(", ") || "no task, since none is common to all";
  }
  function say() {
    const top = latest.places.filter((one) => one.low === 1).map((one) => kit.plain(models[one.model])), changed = params().toString() !== "";
    const words = !latest.places.length ? "No task counts, so nothing is ranked." : top.length === 1 ? `${top[0]} is ahead of every other model.` : `${top.slice(0, -1).join(", ")} and ${top.at(-1)} cannot be told apart at the top.`;
    get("status").textContent = changed ? `As you chose, over ${many(latest.used.length)} ${latest.used.length === 1 ? "task" : "tasks"}: ${words}` : "";
    get("words").classList.toggle("soft", changed);
  }

  /* ---- what is chosen stands in the address */
  const params = () => new URLSearchParams(location.hash.slice(1));
  function store() {
    const parts = new URLSearchParams(), weights = inputs.filter((input) => input.value !== "1").map((input) => `${input.dataset.weight}:${input.value}`);
    const off = [...document.querySelectorAll("input[data-column]:not(:checked)")].map((input) => input.dataset.column);
    if (weights.length) parts.set("weights", weights.join(","));
    if (off.length) parts.set("hide", off.join(","));
    if (mode() !== "core") parts.set("tasks", mode());
    history.replaceState(null, "", location.pathname + location.search + (parts.size ? "#" + parts : ""));
  }
  function columns() {
    for (const input of document.querySelectorAll("input[data-column]"))
      for (const cell of document.querySelectorAll(`#board [data-column="${input.dataset.column}"]`)) cell.hidden = !input.checked;
  }
  function restore() {
    const weights = new Map((params().get("weights") || "").split(",").map((pair) => pair.split(":"))), off = (params().get("hide") || "").split(",");
    for (const input of inputs) input.value = weights.get(input.dataset.weight) || "1";
    for (const input of document.querySelectorAll("input[data-column]")) input.checked = !off.includes(input.dataset.column);
    for (const input of document.querySelectorAll('input[name="basis"]')) input.checked = input.value === (params().get("tasks") || "core");
    columns(); weigh();
  }
  const changed = () => { columns(); store(); weigh(); };
  get("tools").addEventListener("input", changed);
  get("tools").addEventListener("submit", (event) => event.preventDefault());
  get("equal")?.addEventListener("click", () => { for (const input of inputs) input.value = "1"; changed(); });
  get("by-n")?.addEventListener("click", () => { for (const input of inputs) input.value = String(data.tasks[Number(input.dataset.weight)].n); changed(); });

  /* ---- one cell, one pair */
  const dialog = get("cell"), headed = (names, lines) => el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Numbers" }, el("table", {}, el("thead", {}, el("tr", {}, names.map((name, place) => el("th", { scope: "col", class: place ? "n" : "" }, name)))), el("tbody", {}, lines)));
  const open = (...children) => { dialog.replaceChildren(...children.filter(Boolean), el("button", { type: "button", onclick: () => dialog.close() }, "Close")); dialog.showModal(); };
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cell]");
    if (!button) return;
    const task = data.tasks[Number(button.dataset.cell)], model = Number(button.closest("tr").dataset.model), cell = task.cells[model];
    const line = ([name, value, low, high, n, scale]) => el("tr", {}, el("th", { scope: "row" }, shown(name)), el("td", { class: "n" }, kit.number(value, scale)), el("td", { class: "n" }, `${kit.number(low, scale)} – ${kit.number(high, scale)}`), el("td", { class: "n" }, many(n)));
    open(el("h2", { id: "cell-title" }, shown(`${models[model]} on ${task.task}`)), headed(["metric", "value", "95 %", "n"], cell.metrics.map(line)),
      el("p", { class: "note" }, `${cell.failed} could not be measured; measured ${cell.created.slice(0, 16).replace("T", " ")} UTC`), el("p", {}, el("code", {}, shown(cell.signature))),
      el("p", {}, "Samples: ", el("code", {}, shown(`evalkit report ${cell.run} -o report.html`)), data.pages ? el("span", {}, " or ", el("a", { href: `${data.pages}/${model}.html#task=${encodeURIComponent(task.task)}` }, "this model's page")) : null));
  });
  function pair(i, j) {
    const between = (low, high, word) => low === null ? "–" : `${word(low)} to ${word(high)}`, d = latest.difference(i, j), e = latest.error(i, j);
    const told = latest.better.has(`${i}>${j}`) ? `${models[i]} is better` : latest.better.has(`${j}>${i}`) ? `${models[j]} is better` : "The two cannot be told apart";
    const both = latest.averages[i] !== null && latest.averages[j] !== null && d !== null;
    const word = (task) => task.scale === "proportion" ? points : (x) => `${x >= 0 ? "+" : ""}${Number(x.toPrecision(3))}`;
    const lines = data.tasks.map((task, t) => [task, t]).filter(([task]) => task.cells[i] && task.cells[j]).map(([task, t]) => el("tr", { class: latest.used.includes(t) ? "" : "soft" },
      el("th", { scope: "row" }, shown(task.task), task.higher_is_better ? null : el("span", { class: "sub" }, "turned: more is better")), el("td", { class: "n" }, task.difference[i][j] === null ? "–" : word(task)(task.difference[i][j])),
      el("td", { class: "n" }, between(task.low[i][j], task.high[i][j], word(task))), el("td", { class: "n" }, task.paired[i][j] ? many(task.paired[i][j]) : "not paired"), el("td", { class: "n" }, task.paired[i][j] ? percent(task.wins[i][j] / task.paired[i][j]) : "–")));
    const runs = [...new Set(data.tasks.map((task) => task.cells[i] && task.cells[j] ? `evalkit compare ${task.cells[j].run} ${task.cells[i].run}` : null))].filter(Boolean);
    open(el("h2", { id: "cell-title" }, shown(`${models[i]} less ${models[j]}`)),
      both ? el("p", {}, shown(`${told}: ${points(d)} points on average${e === null ? "" : ` (${points(d - Z * e)} to ${points(d + Z * e)})`}, after Holm's correction over all pairs of models.`)) : el("p", {}, "No average of both: they share no ranked task."),
      headed(["task", "difference", "95 %", "samples", "wins"], lines), el("p", { class: "note" }, "Differences in points of score, sample by sample. An interval is for its task alone."), ...runs.slice(0, 3).map((one) => el("p", {}, el("code", {}, shown(one)))));
  }
  document.querySelector(".matrix")?.addEventListener("click", (event) => { const button = event.target.closest("button[data-pair]"); if (button) pair(...button.dataset.pair.split(" ").map(Number)); });

  /* ---- downloads, as ranked now */
  const order = () => [...body.rows].map((row) => Number(row.dataset.model)), text = (model, name) => rows.get(model).querySelector(name)?.textContent ?? "";
  get("json").addEventListener("click", () => save("leaderboard.json", "application/json", JSON.stringify({ ...data, weights: latest.weights, ranking: latest.places.map((one) => ({ ...one, model: models[one.model], average: latest.averages[one.model] })) }, null, 2)));
  get("csv").addEventListener("click", () => {
    const lines = [["rank", "tie group", "model", "average", ...data.tasks.flatMap((task) => [task.task, `${task.task} low`, `${task.task} high`])]];
    for (const model of order()) lines.push([text(model, ".rank"), text(model, ".tie"), models[model], latest.averages[model], ...data.tasks.flatMap((task) => { const c = task.cells[model]; return c ? [c.value, c.low, c.high] : ["", "", ""]; })]);
    save("leaderboard.csv", "text/csv", csv(lines));
  });
  get("markdown").addEventListener("click", () => {
    const safe = (value) => kit.plain(value).replace(/\s+/g, " ").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/([\\`*_[\]|~#@!])/g, "\\$1");
    const line = (cells) => `| ${cells.map(safe).join(" | ")} |`, tasks = data.tasks.filter((_, t) => visible(t));
    const lines = order().map((model) => line([text(model, ".rank"), text(model, ".tie"), models[model], percent(latest.averages[model]), ...tasks.map((task) => task.cells[model] ? kit.number(task.cells[model].value, task.scale) : "–")]));
    save("leaderboard.md", "text/markdown", [line(["rank", "tie", "model", "average", ...tasks.map((task) => task.task)]), "|--:|---|---|--:|" + "--:|".repeat(tasks.length), ...lines, ""].join("\n"));
  });
  /* A drawing as a file has its colours in it, and no script's or page's help. */
  const PAINT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor"];
  const shapes = (svg) => [...svg.querySelectorAll("rect, line, circle, path, polyline, text")];
  get("svg")?.addEventListener("click", () => {
    const copy = drawing.cloneNode(true), twins = shapes(copy);
    shapes(drawing).forEach((shape, place) => { const style = getComputedStyle(shape); for (const name of PAINT) twins[place].setAttribute(name, style.getPropertyValue(name)); twins[place].setAttribute("font-family", "system-ui, sans-serif"); });
    for (const group of copy.querySelectorAll("g[hidden]")) group.remove();
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of Object.entries({ width: "100%", height: "100%", fill: getComputedStyle(document.body).backgroundColor })) paper.setAttribute(key, value);
    copy.prepend(paper);
    save("leaderboard.svg", "image/svg+xml", new XMLSerializer().serializeToString(copy));
  });
  /* Drawn on a canvas shape by shape: the page's policy lets it load no image, not even its own. */
  get("png")?.addEventListener("click", () => {
    const [, , width, height] = drawing.getAttribute("viewBox").split(" ").map(Number), SCALE = 2, canvas = el("canvas", { width: width * SCALE, height: height * SCALE }), pen = canvas.getContext("2d");
    pen.scale(SCALE, SCALE); pen.fillStyle = getComputedStyle(document.body).backgroundColor; pen.fillRect(0, 0, width, height);
    for (const shape of shapes(drawing)) {
      const group = shape.closest("g"), [, dx, dy] = group?.getAttribute("transform")?.match(/translate\(([-\d.]+),([-\d.]+)\)/) || [0, 0, 0], style = getComputedStyle(shape), n = (name) => Number(shape.getAttribute(name) || 0);
      if (group?.hasAttribute("hidden")) continue;
      pen.save(); pen.translate(Number(dx), Number(dy)); pen.globalAlpha = Number(style.fillOpacity) * Number(style.opacity);
      pen.fillStyle = style.fill === "none" ? "transparent" : style.fill; pen.strokeStyle = style.stroke; pen.lineWidth = parseFloat(style.strokeWidth) || 1;
      pen.beginPath();
      if (shape.tagName === "rect") { pen.roundRect(n("x"), n("y"), n("width"), n("height"), n("rx")); pen.fill(); }
      else if (shape.tagName === "circle") { pen.arc(n("cx"), n("cy"), n("r"), 0, 2 * Math.PI); pen.fill(); }
      else if (shape.tagName === "line") { pen.globalAlpha = 1; pen.moveTo(n("x1"), n("y1")); pen.lineTo(n("x2"), n("y2")); pen.stroke(); }
      else if (shape.tagName === "text") { pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`; pen.textAlign = { middle: "center", end: "right" }[shape.getAttribute("text-anchor")] || "left"; pen.fillText(shape.textContent, n("x"), n("y")); }
      pen.restore();
    }
    canvas.toBlob((blob) => save("leaderboard.png", "image/png", blob), "image/png");
  });
  addEventListener("hashchange", restore);
  restore();
  document.documentElement.dataset.ready = "1";
})();
