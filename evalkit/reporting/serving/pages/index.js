/* The index: rows are searched here, and a page of them is drawn at a time, so that thousands stay quick. */
(() => {
  const { el, shown } = kit, get = (id) => document.getElementById(id), many = (n) => n.toLocaleString("en");
  const PAGE = 100, TASKS = 4, body = document.querySelector("#runs tbody"), ticked = new Map();
  let rows = [], tags = new Set(), limit = PAGE;

  const words = (row) => [row.model, row.folder, row.status, row.note, ...row.tags, ...row.tasks.map((one) => one.task)].join("\n").toLowerCase();
  function take(found) { rows = found; for (const row of rows) row.words = words(row); const all = new Map(rows.map((row) => [row.id, row])); for (const id of [...ticked.keys()]) all.has(id) ? ticked.set(id, all.get(id)) : ticked.delete(id); }
  const wanted = () => get("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  function score(row, terms) {
    const task = row.tasks.find((one) => one.value !== null && terms.some((term) => one.task.toLowerCase().includes(term))) || null;
    return task ? task.value : -Infinity;
  }
  function matching() {
    const terms = wanted(), state = get("state").value, order = get("order").value;
    const found = rows.filter((row) => terms.every((term) => row.words.includes(term)) && (!state || row.status === state) && [...tags].every((tag) => row.tags.includes(tag)));
    if (order === "model") found.sort((a, b) => a.model.localeCompare(b.model));
    if (order === "samples") found.sort((a, b) => b.samples - a.samples);
    if (order === "score") { const of = new Map(found.map((row) => [row, score(row, terms)])); found.sort((a, b) => of.get(b) - of.get(a)); }
    return found;
  }

  function scores(row) {
    const terms = wanted(), first = row.tasks.filter((one) => terms.some((term) => one.task.toLowerCase().includes(term)));
    const order = [...new Set([...first, ...row.tasks])], rest = order.length - TASKS;
    const items = order.slice(0, TASKS).map((one) => el("li", {}, el("span", { class: "task" }, shown(one.task)), one.toy ? [" ", el("span", { class: "toy" }, "toy")] : null, " ", el("strong", {}, one.text || "–"), one.interval ? el("span", { class: "range" }, ` (${one.interval})`) : null));
    return el("ul", { class: "scores" }, items, rest > 0 ? el("li", { class: "range" }, `and ${many(rest)} more`) : null);
  }
  function line(row) {
    const tick = el("input", { type: "checkbox", "aria-label": `compare ${kit.plain(row.model || row.folder)}, ${kit.plain(row.folder)}`, onchange: () => { tick.checked ? ticked.set(row.id, row) : ticked.delete(row.id); made.classList.toggle("on", tick.checked); acts(); store(); } });
    tick.checked = ticked.has(row.id); tick.disabled = row.status === "damaged";
    const link = row.status === "damaged" ? el("span", {}, shown(row.folder)) : el("a", { href: row.status === "running" ? `live/${row.id}/` : `run/${row.id}/report.html` }, shown(row.model));
    const state = row.status === "finished" ? null : el("span", { class: `state ${row.status}` }, " ", row.status);
    const edit = el("button", { type: "button", class: "link", "aria-label": `${row.tags.length || row.note ? "edit" : "add tag"}: ${kit.plain(row.folder)}`, onclick: () => open(row) }, row.tags.length || row.note ? "edit" : "add tag");
    const made = el("tr", { "data-run": row.id, class: tick.checked ? "on" : "" }, el("td", {}, tick), el("th", { scope: "row" }, link, state, el("span", { class: "folder" }, shown(row.folder))),
      el("td", { class: "whole" }, row.problem ? el("span", { class: "bad" }, shown(row.problem)) : scores(row)), el("td", { class: "n", "data-label": "samples" }, many(row.samples), row.failed ? el("span", { class: "bad" }, ` (${many(row.failed)} failed)`) : null),
      el("td", { class: "when", "data-label": "measured (UTC)" }, row.created.slice(0, 16).replace("T", " ")), el("td", { class: "said whole" }, row.tags.map((tag) => chip(tag)), row.tags.length ? " " : null, edit, row.note ? el("p", { class: "note" }, shown(row.note)) : null));
    return made;
  }
  const chip = (tag, count) => el("button", { type: "button", class: "tag", "aria-pressed": String(tags.has(tag)), onclick: () => { tags.has(tag) ? tags.delete(tag) : tags.add(tag); fresh(); } }, shown(tag), count ? ` ${many(count)}` : null);

  function draw() {
    const found = matching(), counts = new Map();
    for (const row of rows) for (const tag of row.tags) counts.set(tag, (counts.get(tag) || 0) + 1);
    for (const tag of [...tags]) if (!counts.has(tag)) tags.delete(tag);
    get("tags").replaceChildren(...[...counts].sort((a, b) => b[1] - a[1]).slice(0, 40).map(([tag, count]) => chip(tag, count)));
    body.replaceChildren(...found.slice(0, limit).map(line));
    get("runs").hidden = !found.length;
    get("none").hidden = found.length > 0;
    get("none").replaceChildren(rows.length ? "No run has all of these words." : el("span", {}, "There is no run here yet. ", el("code", {}, "evalkit quickstart"), " makes one in two minutes."));
    get("count").textContent = found.length === rows.length ? `${many(rows.length)} ${rows.length === 1 ? "run" : "runs"}` : `${many(found.length)} of ${many(rows.length)} runs`;
    get("more").hidden = found.length <= limit;
    get("more").textContent = `Show ${many(Math.min(PAGE, found.length - limit))} more of ${many(found.length - limit)}`;
    acts();
  }
  function acts() {
    const chosen = [...ticked.values()].sort((a, b) => a.created < b.created ? -1 : 1), ids = chosen.map((row) => row.id), go = (href, text) => el("a", { href }, text);
    get("ticked").hidden = !chosen.length;
    get("chosen").textContent = `${many(chosen.length)} ticked`;
    const links = [];
    if (ids.length === 2) links.push(go(`compare/${ids[0]}/${ids[1]}/report.html`, "Compare (the older one is A)"));
    if (ids.length >= 2) links.push(go(`several/leaderboard/${ids.join("+")}/report.html`, "Rank their models"), go(`several/history/${ids.join("+")}/report.html`, "Scores over time"), go(`several/html/${ids.join("+")}/report.html`, "All samples on one page"));
    else links.push(el("span", { class: "note" }, "Tick a second run to compare."));
    get("acts").replaceChildren(...links);
  }
  function fresh() { limit = PAGE; draw(); store(); }
  function store() {
    const parts = new URLSearchParams();
    for (const id of ["search", "state", "order"]) if (get(id).value && get(id).value !== "created") parts.set(id, get(id).value);
    if (tags.size) parts.set("tags", JSON.stringify([...tags]));
    if (ticked.size) parts.set("ticked", [...ticked.keys()].join(" "));
    history.replaceState(null, "", "#" + parts);
  }
  function restore() {
    const parts = new URLSearchParams(location.hash.slice(1));
    get("search").value = parts.get("search") || ""; get("state").value = parts.get("state") || ""; get("order").value = parts.get("order") || "created";
    try { tags = new Set(JSON.parse(parts.get("tags") || "[]")); } catch { tags = new Set(); }
    const chosen = new Set((parts.get("ticked") || "").split(" "));
    ticked.clear();
    for (const row of rows) if (chosen.has(row.id)) ticked.set(row.id, row);
    limit = PAGE; draw();
  }

  /* ---- tags and notes */
  let edited = null;
  function open(row) {
    edited = row;
    get("edit-title").replaceChildren(...shown(row.model || row.folder));
    get("edit-tags").value = row.tags.join(", "); get("edit-note").value = row.note; get("edit-problem").textContent = "";
    get("edit").showModal();
  }
  get("edit").querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const sent = { tags: get("edit-tags").value.split(",").map((tag) => tag.trim()).filter(Boolean), note: get("edit-note").value.trim() };
    try {
      const answer = await fetch(`labels/${edited.id}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(sent) });
      if (!answer.ok) throw new Error(await answer.text());
      Object.assign(edited, await answer.json()); edited.words = words(edited);
      get("edit").close(); draw();
    } catch (error) { get("edit-problem").textContent = error instanceof TypeError ? "The server does not answer." : error.message; }
  });
  get("edit-cancel").addEventListener("click", () => get("edit").close());

  get("tools").addEventListener("input", fresh);
  get("tools").addEventListener("submit", (event) => event.preventDefault());
  get("more").addEventListener("click", () => { limit += PAGE; draw(); });
  get("untick").addEventListener("click", () => { ticked.clear(); draw(); store(); });
  addEventListener("keydown", (event) => { if (event.key === "/" && !event.target.closest("input, textarea, select")) { event.preventDefault(); get("search").focus(); } });
  addEventListener("hashchange", restore);
  async function ask() {
    if (!document.hidden && !get("edit").open) try {
      const found = await (await fetch(`rows.json?have=${version}`, { cache: "no-store" })).json();
      if (found.rows) { version = found.version; take(found.rows); draw(); }
    } catch { /* the server has ended: what is shown stays */ }
    setTimeout(ask, 5000);
  }
  const listed = kit.json("listed");
  let version = listed.version;
  take(listed.rows); restore(); setTimeout(ask, 5000);
  document.documentElement.dataset.ready = "1";
})();
