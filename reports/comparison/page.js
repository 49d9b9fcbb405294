/* From the counts of what flipped to single samples, and to the words in which two replies differ. */
(async () => {
  const { el, shown, inline, block, json, number, difference } = kit;
  const TASK = 0, ID = 1, INDEX = 2, REPEAT = 3, GROUP = 4, KIND = 5, OLD = 6, NEW = 7, ENDS = 8, ALIKE = 9, LEFT = 10, RIGHT = 11, SHARD = 12, PLACE = 13;
  const get = (id) => document.getElementById(id), meta = json("meta"), detail = get("detail");
  get("browser").hidden = false;
  const shards = await kit.shards(meta, (text) => { get("count").textContent = text; }), rows = shards.rows;
  rows.sort((a, b) => a[TASK] - b[TASK] || a[INDEX] - b[INDEX] || a[REPEAT] - b[REPEAT]);
  const there = new Set(rows.map((row) => row[KIND]));
  const fill = (id, pairs) => get(id).replaceChildren(...pairs.map(([key, text]) => el("option", { value: key }, kit.plain(text))));
  fill("task", [["", "all tasks"], ...meta.tasks.map((name, number) => [String(number), name])]);
  fill("kind", [["", "all samples"], ["changed", "score changed"], ...Object.entries(meta.kinds).filter(([kind]) => there.has(kind))]);
  fill("group", [["", "all categories"], ...[...new Set(rows.map((row) => row[GROUP]))].filter(Boolean).sort().map((name) => [name, name])]);
  get("group").parentElement.hidden = get("group").options.length < 3;
  fill("sort", [["", "order of the data"], ["worse", "largest loss first"], ["better", "largest gain first"], ["id", "id"]]);
  const change = (row) => row[OLD] === null || row[NEW] === null ? 0 : (row[NEW] - row[OLD]) * (meta.higher[row[TASK]] ? 1 : -1);
  const ORDERS = { worse: (a, b) => change(a) - change(b), better: (a, b) => change(b) - change(a), id: (a, b) => a[ID] < b[ID] ? -1 : a[ID] > b[ID] ? 1 : 0 };
  const FIELDS = ["q", "task", "group", "kind", "sort"];
  const CHANGED = new Set(["lost", "gained", "worse", "better"]), SIGNS = { lost: "▼", worse: "▼", gained: "▲", better: "▲", both: "✓", neither: "✗", same: "=", errored: "!" };

  const item = (row) => [el("span", { class: "sign " + (/lost|worse|errored/.test(row[KIND]) ? "bad" : /gained|better/.test(row[KIND]) ? "good" : "soft") }, SIGNS[row[KIND]]),
    el("span", { class: "name" }, shown(row[ID])), el("span", { class: "value" }, `${number(row[OLD])} → ${number(row[NEW])}`),
    el("span", { class: "text" }, shown(row[ALIKE] ? row[RIGHT] : `${row[LEFT]} → ${row[RIGHT]}`))];
  const browser = kit.listbox({ box: get("list"), space: get("space"), item, open, moved: () => store(), enter: () => detail.focus() });

  let found = [];
  function filter(keep) {
    const task = get("task").value, kind = get("kind").value, other = get("other").checked;
    const group = get("group").value, text = get("q").value.toLowerCase(), order = ORDERS[get("sort").value];
    found = rows.filter((row) => (!group || row[GROUP] === group) && (!text || [row[ID], row[LEFT], row[RIGHT]].some((one) => one.toLowerCase().includes(text))) && (task === "" || row[TASK] === Number(task)) && (!kind || (kind === "changed" ? CHANGED.has(row[KIND]) : row[KIND] === kind)) && (!other || !row[ALIKE]));
    if (order) found.sort(order);
    get("count").textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} samples.`;
    for (const button of document.querySelectorAll("button.kind")) button.setAttribute("aria-pressed", String(button.dataset.kind === kind && button.dataset.task === task));
    browser.show(found, keep);
    if (!browser.row() && found.length) browser.choose(Math.max(0, found.findIndex((row) => /lost|worse/.test(row[KIND]))), false);
    return found;
  }

  async function open(row) {
    const act = (name, word, what) => el("button", { type: "button", "data-act": name, onclick: what }, word);
    const acts = el("p", { class: "acts" }, act("before", "‹ previous", () => step(-1)), act("after", "next ›", () => step(1)), act("link", "copy link", (event) => kit.copy(location.href, event.target)));
    const head = [el("header", { class: "stays" }, el("h3", {}, shown(row[ID])), acts), el("p", { class: "note" }, shown([meta.tasks[row[TASK]], row[GROUP], meta.kinds[row[KIND]], row[REPEAT] ? "repeat " + row[REPEAT] : ""].filter(Boolean).join(" · ")))];
    if (!shards.here(row[SHARD])) {
      detail.replaceChildren(...head, kit.elsewhere(shards, row[SHARD], "#" + new URLSearchParams([["kind", row[KIND]], ["sample", keyOf(row)]]), ""), el("h4", {}, "A"), block(row[LEFT]), el("h4", {}, "B"), block(row[RIGHT]));
      return;
    }
    const { a, b } = (await shards.get(row[SHARD], true))[row[PLACE]];
    if (browser.row() !== row) return;
    const left = { ...a };
    for (const key of a.shared) left[key] = b[key];
    detail.replaceChildren(...head, ...parts(row, left, b));
    detail.scrollTop = 0;
  }

  const step = (way) => { const place = found.indexOf(browser.row()) + way; if (place >= 0 && place < found.length) browser.choose(place, true); };

  function parts(row, a, b) {
    const made = [], most = Math.max(a.replies.length, b.replies.length, 1);
    for (let place = 0; place < most; place++) {
      const [left, right, note] = difference(a.replies[place] || "", b.replies[place] || "");
      made.push(el("h4", {}, most > 1 ? `Completion ${place + 1}` : "Completion"), ...(note ? [el("p", { class: "note" }, note)] : []),
        el("div", { class: "sides" }, side("A", meta.a, row[ENDS][0], left), side("B", meta.b, row[ENDS][1], right)));
    }
    made.push(el("h4", {}, "Scores"), el("div", { class: "sides" }, scores(a), scores(b)));
    const why = [a, b].map((one) => kit.evidence.of(one.scores || []));
    if (why.some((found) => found.length)) made.push(el("h4", {}, "What the scores rest on"), el("div", { class: "sides" }, why.map((found) => el("div", {}, found))));
    if (b.targets) made.push(el("h4", {}, "Target"), ...b.targets.map(block));
    const text = (one) => (one.messages || []).map(([role, words]) => `${role}: ${words}`).join("\n\n");
    if (text(a) === text(b)) made.push(el("h4", {}, "Prompt"), block(text(b)));
    else { const [left, right] = difference(text(a), text(b)); made.push(el("h4", {}, "Prompts, which differ"), el("div", { class: "sides" }, left, right)); }
    return made;
  }
  const side = (name, model, end, text) => el("div", {}, el("p", { class: "note" }, el("strong", {}, name + " "), ...inline(model), end === "ok" ? "" : ` · ${end}`), text);
  const scores = (one) => el("table", { class: "scores" }, el("thead", {}, el("tr", {}, ["score", "value", "answer", "reason"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, (one.scores || []).map(([name, v, answer, reason]) => el("tr", {}, el("th", { scope: "row" }, inline(name)), el("td", {}, number(v)), el("td", {}, answer === null ? "–" : inline(answer)), el("td", {}, inline(reason || ""))))));

  const keyOf = (row) => [meta.tasks[row[TASK]], row[ID], row[INDEX], row[REPEAT]].map(encodeURIComponent).join("/");
  function store(push) {
    const parts = new URLSearchParams();
    for (const name of FIELDS) if (get(name).value) parts.set(name, get(name).value);
    if (get("other").checked) parts.set("other", "1");
    if (browser.row()) parts.set("sample", keyOf(browser.row()));
    const hash = "#" + (parts.toString() || "samples");
    if (hash !== location.hash) history[push ? "pushState" : "replaceState"](null, "", hash);
  }
  function restore() {
    const parts = new URLSearchParams(location.hash.slice(1));
    for (const name of FIELDS) { get(name).value = parts.get(name) || ""; if (get(name).selectedIndex === -1) get(name).value = ""; }
    if (!parts.size && rows.some((row) => CHANGED.has(row[KIND]))) get("kind").value = "changed";
    get("other").checked = parts.get("other") === "1";
    filter();
    const wanted = parts.get("sample"), place = wanted ? found.findIndex((row) => keyOf(row) === wanted) : -1;
    if (place >= 0) { get("samples").scrollIntoView(); browser.choose(place, false); }
  }
  for (const name of ["task", "group", "kind", "sort", "other"]) get(name).addEventListener("change", () => { filter(browser.row()); store(true); });
  let typed = 0;
  get("q").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(() => { filter(browser.row()); store(); }, 200); });
  for (const button of document.querySelectorAll("button.kind")) button.addEventListener("click", () => {
    get("task").value = button.dataset.task; get("kind").value = button.dataset.kind; filter(); store(true); get("list").focus(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && detail.contains(document.activeElement)) get("list").focus(); });
  addEventListener("hashchange", restore);
  restore();
  document.documentElement.dataset.ready = "1";
})();
