/* From the counts of what flipped to single samples, and to the words in which two replies differ. */
(async () => {
  const { el, shown, inline, block, unpack, json } = kit;
  const TASK = 0, ID = 1, INDEX = 2, REPEAT = 3, GROUP = 4, KIND = 5, OLD = 6, NEW = 7, ENDS = 8, ALIKE = 9, LEFT = 10, RIGHT = 11, SHARD = 12, PLACE = 13;
  const MOST_CELLS = 16e6;
  const get = (id) => document.getElementById(id), meta = json("meta"), detail = get("detail");
  const blocks = { index: [], details: [] };
  for (const element of document.querySelectorAll("script[data-shard]")) blocks[element.dataset.shard].push(element);
  const shard = kit.shards(blocks.details);
  let rows = [];
  get("browser").hidden = false;
  for (const element of blocks.index) { for (const row of await unpack(element)) rows.push(row); element.remove(); }
  rows.sort((a, b) => a[TASK] - b[TASK] || a[INDEX] - b[INDEX] || a[REPEAT] - b[REPEAT]);
  const there = new Set(rows.map((row) => row[KIND]));
  const fill = (id, pairs) => get(id).replaceChildren(...pairs.map(([key, text]) => el("option", { value: key }, kit.plain(text))));
  fill("task", [["", "all tasks"], ...meta.tasks.map((name, number) => [String(number), name])]);
  fill("kind", [["", "all samples"], ["changed", "score changed"], ...Object.entries(meta.kinds).filter(([kind]) => there.has(kind))]);
  const CHANGED = new Set(["lost", "gained", "worse", "better"]), SIGNS = { lost: "▼", worse: "▼", gained: "▲", better: "▲", both: "✓", neither: "✗", same: "=", unmeasured: "!" };
  const number = (v) => v === null || v === undefined ? "–" : String(Number(Number(v).toPrecision(4)));

  const item = (row) => [el("span", { class: "sign " + (/lost|worse|unmeasured/.test(row[KIND]) ? "bad" : /gained|better/.test(row[KIND]) ? "good" : "soft") }, SIGNS[row[KIND]]),
    el("span", { class: "name" }, shown(row[ID])), el("span", { class: "value" }, `${number(row[OLD])} → ${number(row[NEW])}`),
    el("span", { class: "text" }, shown(row[ALIKE] ? row[RIGHT] : `${row[LEFT]} → ${row[RIGHT]}`))];
  const browser = kit.listbox({ box: get("list"), space: get("space"), item, open, moved: store, enter: () => detail.focus() });

  function filter(keep) {
    const task = get("task").value, kind = get("kind").value, other = get("other").checked;
    const found = rows.filter((row) => (task === "" || row[TASK] === Number(task)) && (!kind || (kind === "changed" ? CHANGED.has(row[KIND]) : row[KIND] === kind)) && (!other || !row[ALIKE]));
    get("count").textContent = `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} samples.`;
    for (const button of document.querySelectorAll("button.kind")) button.setAttribute("aria-pressed", String(button.dataset.kind === kind && button.dataset.task === task));
    browser.show(found, keep);
    return found;
  }

  async function open(row) {
    const head = [el("h3", {}, shown(row[ID])), el("p", { class: "note" }, shown([meta.tasks[row[TASK]], row[GROUP], meta.kinds[row[KIND]], row[REPEAT] ? "repeat " + row[REPEAT] : ""].filter(Boolean).join(" · ")))];
    if (row[SHARD] < 0) { detail.replaceChildren(...head, el("p", { class: "notice" }, "The details of this sample are beyond this file's size budget.")); return; }
    const both = (await shard(row[SHARD], true))[row[PLACE]];
    if (browser.row() !== row) return;
    detail.replaceChildren(...head, ...parts(row, both.a, both.b));
    detail.scrollTop = 0;
  }

  function parts(row, a, b) {
    const made = [], most = Math.max(a.replies.length, b.replies.length, 1);
    for (let place = 0; place < most; place++) {
      const [left, right, note] = difference(a.replies[place] || "", b.replies[place] || "");
      made.push(el("h4", {}, most > 1 ? `Reply ${place + 1}` : "Reply"), ...(note ? [el("p", { class: "note" }, note)] : []),
        el("div", { class: "sides" }, side("A", meta.a, row[ENDS][0], left), side("B", meta.b, row[ENDS][1], right)));
    }
    made.push(el("h4", {}, "Scores"), el("div", { class: "sides" }, scores(a), scores(b)));
    if (b.targets) made.push(el("h4", {}, "Target"), ...b.targets.map(block));
    const text = (one) => (one.messages || []).map(([role, words]) => `${role}: ${words}`).join("\n\n");
    if (text(a) === text(b)) made.push(el("h4", {}, "Prompt"), block(text(b)));
    else { const [left, right] = difference(text(a), text(b)); made.push(el("h4", {}, "Prompts, which differ"), el("div", { class: "sides" }, left, right)); }
    return made;
  }
  const side = (name, model, end, text) => el("div", {}, el("p", { class: "note" }, el("strong", {}, name + " "), ...inline(model), end === "ok" ? "" : ` · ${end}`), text);
  const scores = (one) => el("table", {}, el("thead", {}, el("tr", {}, ["score", "value", "answer", "reason"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, (one.scores || []).map(([name, v, answer, reason]) => el("tr", {}, el("th", { scope: "row" }, inline(name)), el("td", {}, number(v)), el("td", {}, answer === null ? "–" : inline(answer)), el("td", {}, inline(reason || ""))))));

  /* Two texts with the words that only one has marked: the longest common subsequence of words and gaps. */
  function difference(one, other) {
    const a = one.match(/\s+|[^\s]+/g) || [], b = other.match(/\s+|[^\s]+/g) || [];
    let start = 0, end = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
    if (x.length * y.length > MOST_CELLS || one.length + other.length > 400000) return [block(one), block(other), "Too long to mark the words that differ: the two are shown as they are."];
    const wide = y.length + 1, best = new Uint16Array((x.length + 1) * wide);
    for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--)
      best[i * wide + j] = x[i] === y[j] ? best[(i + 1) * wide + j + 1] + 1 : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    const left = [], right = [];
    const add = (to, same, words) => { const last = to[to.length - 1]; if (last && last[0] === same) last[1] += words; else to.push([same, words]); };
    add(left, true, a.slice(0, start).join("")); add(right, true, b.slice(0, start).join(""));
    let i = 0, j = 0;
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) { add(left, true, x[i++]); add(right, true, y[j++]); }
      else if (j >= y.length || (i < x.length && best[(i + 1) * wide + j] >= best[i * wide + j + 1])) add(left, false, x[i++]);
      else add(right, false, y[j++]);
    }
    add(left, true, a.slice(a.length - end).join("")); add(right, true, b.slice(b.length - end).join(""));
    const pre = (parts, mark) => el("pre", { tabindex: "0" }, parts.filter(([, words]) => words).map(([same, words]) => same ? el("span", {}, inline(words)) : el(mark, {}, inline(words))));
    return [pre(left, "del"), pre(right, "ins"), ""];
  }

  const keyOf = (row) => [meta.tasks[row[TASK]], row[ID], row[INDEX], row[REPEAT]].map(encodeURIComponent).join("/");
  function store() {
    const parts = new URLSearchParams();
    for (const name of ["task", "kind"]) if (get(name).value) parts.set(name, get(name).value);
    if (get("other").checked) parts.set("other", "1");
    if (browser.row()) parts.set("sample", keyOf(browser.row()));
    history.replaceState(null, "", "#" + (parts.toString() || "samples"));
  }
  function restore() {
    const parts = new URLSearchParams(location.hash.slice(1));
    for (const name of ["task", "kind"]) { get(name).value = parts.get(name) || ""; if (get(name).selectedIndex < 0) get(name).value = ""; }
    if (!parts.size && rows.some((row) => CHANGED.has(row[KIND]))) get("kind").value = "changed";
    get("other").checked = parts.get("other") === "1";
    const found = filter(), place = found.findIndex((row) => keyOf(row) === parts.get("sample"));
    if (place >= 0) { get("samples").scrollIntoView(); browser.choose(place, false); }
  }
  for (const name of ["task", "kind", "other"]) get(name).addEventListener("change", () => { filter(browser.row()); store(); });
  for (const button of document.querySelectorAll("button.kind")) button.addEventListener("click", () => {
    get("task").value = button.dataset.task; get("kind").value = button.dataset.kind; filter(); store(); get("list").focus(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && detail.contains(document.activeElement)) get("list").focus(); });
  addEventListener("hashchange", restore);
  restore();
  document.documentElement.dataset.ready = "1";
})();
