/* The browser of samples: an index in memory, details decoded when they are looked at, the state in the address. */
(async () => {
  const { el, shown, inline, json, number } = kit;
  const RUN = 0, TASK = 1, ID = 2, INDEX = 3, REPEAT = 4, VALIDITY = 5, GROUPS = 6, VALUE = 7, ANSWER = 9, ASKED = 10, MARKS = 11, SHARD = 12, PLACE = 13;
  const get = (id) => document.getElementById(id);
  const meta = json("meta"), FAILED = new Set(meta.failed), list = get("list"), space = get("space"), detail = get("detail"), count = get("count");
  const fields = ["task", "run", "group", "validity", "mark", "score", "sort"];
  const ended = (code) => meta.words[code] || code;
  let found = [], search = 0, searched = null;

  get("browser").hidden = false;
  count.textContent = "reading…";
  const shards = await kit.shards(meta, (text) => { count.textContent = text; }), rows = shards.rows;
  const value = (row) => row[VALUE];
  rows.sort((a, b) => a[TASK] - b[TASK] || a[RUN] - b[RUN] || a[INDEX] - b[INDEX] || a[REPEAT] - b[REPEAT]);

  /* ---- what can be chosen */
  const several = (name) => new Set(rows.map((row) => row[name])).size > 1;
  function options(id, pairs, hide) {
    get(id).replaceChildren(...pairs.map(([key, text]) => el("option", { value: key }, kit.plain(text))));
    get(id).parentElement.hidden = hide;
  }
  const numbered = (names) => names.map((name, number) => [String(number), name]);
  options("task", [["", "all tasks"], ...meta.tasks.map((name) => [name, name])], !several(TASK));
  options("run", [["", "all models"], ...numbered(meta.runs.map((run) => run.model))], meta.runs.length < 2);
  options("group", [["", "all categories"], ...meta.groups.slice().sort().map((name) => [name, name])], meta.groups.length < 2);
  options("validity", [["", "any"], ["failed", "not measured"], ...[...new Set(rows.map((row) => row[VALIDITY]))].sort().map((name) => [name, ended(name)])]);
  options("mark", [["", "any"], ...meta.marks.slice().sort().map((name) => [name, name])], !meta.marks.length);
  options("score", [["", "any score"], ["wrong", "below 1"], ["right", "exactly 1"], ["zero", "exactly 0"], ["none", "no score"]]);
  options("sort", [["", "order of the data"], ["low", "lowest score first"], ["high", "highest score first"], ["id", "id"], ["validity", "how it ended"]]);

  /* ---- the list */
  const tests = {
    task: (want) => { const number = meta.tasks.indexOf(want); return (row) => row[TASK] === number; },
    run: (want) => (row) => row[RUN] === Number(want),
    group: (want) => { const number = meta.groups.indexOf(want); return (row) => row[GROUPS].includes(number); },
    mark: (want) => { const number = meta.marks.indexOf(want); return (row) => row[MARKS].includes(number); },
    validity: (want) => want === "failed" ? (row) => FAILED.has(row[VALIDITY]) : (row) => row[VALIDITY] === want,
    score: (want) => ({ wrong: (row) => value(row) !== null && value(row) < 1, right: (row) => value(row) === 1,
      zero: (row) => value(row) === 0, none: (row) => value(row) === null })[want] || (() => true),
  };
  const nothing = (row, worst) => value(row) === null ? worst : value(row);
  const orders = {
    low: (a, b) => nothing(a, Infinity) - nothing(b, Infinity), high: (a, b) => nothing(b, -Infinity) - nothing(a, -Infinity),
    id: (a, b) => a[ID] < b[ID] ? -1 : a[ID] > b[ID] ? 1 : 0, validity: (a, b) => a[VALIDITY] < b[VALIDITY] ? -1 : a[VALIDITY] > b[VALIDITY] ? 1 : 0,
  };

  function matcher() {
    const text = get("q").value, box = get("q");
    box.removeAttribute("aria-invalid");
    if (!text) return null;
    if (!get("regex").checked) { const small = text.toLowerCase(); return (whole) => whole.toLowerCase().includes(small); }
    try { const pattern = new RegExp(text, "iu"); return (whole) => pattern.test(whole); }
    catch { box.setAttribute("aria-invalid", "true"); return undefined; }
  }

  function strings(thing, into) {
    if (typeof thing === "string") into.push(thing);
    else if (Array.isArray(thing)) for (const one of thing) strings(one, into);
    else if (thing && typeof thing === "object") for (const one of Object.values(thing)) strings(one, into);
    return into;
  }

  async function filter(keep) {
    const mine = ++search, match = matcher();
    if (match === undefined) { count.textContent = "This is no regular expression."; return; }
    const passing = fields.filter((name) => tests[name] && get(name).value).map((name) => tests[name](get(name).value));
    let wanted = rows.filter((row) => passing.every((test) => test(row)));
    if (match) {
      const hits = await look(match, wanted, mine);
      if (hits === null) return;
      wanted = wanted.filter((row) => hits.has(row));
    }
    const order = orders[get("sort").value];
    if (order) wanted.sort(order);
    found = wanted;
    show(keep);
  }

  /* Rows whose text matches: shard after shard, so that the page stays alive and nothing is kept. */
  async function look(match, wanted, mine) {
    const key = JSON.stringify([get("q").value, get("regex").checked]);
    if (searched && searched.key === key) return searched.hits;
    const hits = new Set(rows.filter((row) => match(row[ID]) || match(row[ANSWER]) || match(row[ASKED])));
    const members = new Map();
    for (const row of rows) if (!hits.has(row) && shards.here(row[SHARD])) { const here = members.get(row[SHARD]); if (here) here.push(row); else members.set(row[SHARD], [row]); }
    let done = 0;
    for (const [number, here] of members) {
      const all = await shards.get(number, false);
      for (const row of here) if (strings(all[row[PLACE]], []).some(match)) hits.add(row);
      if (mine !== search) return null;
      if (++done % 16 === 0) count.textContent = `searching… ${Math.round(100 * done / members.size)}%`;
    }
    searched = { key, hits };
    return hits;
  }

  function show(keep) {
    const total = rows.length.toLocaleString("en"), here = found.length.toLocaleString("en"), most = kit.MOST.toLocaleString("en");
    const cut = found.length > kit.MOST ? ` The list holds the first ${most}: filter to see others.` : "";
    count.replaceChildren((found.length === rows.length ? `${total} samples.` : `${here} of ${total} samples.`) + cut, ...unsearched());
    browser.show(found, keep);
    for (const chip of document.querySelectorAll("#chips button")) chip.setAttribute("aria-pressed", String(get(chip.dataset.field).value === chip.dataset.value));
  }

  /* Chips with counts over the whole report; one more click takes the filter off. */
  function chips() {
    const tell = [["score", "wrong", "wrong", (row) => value(row) !== null && value(row) < 1], ["validity", "failed", "not measured", (row) => FAILED.has(row[VALIDITY])]];
    for (const name of new Set(rows.map((row) => row[VALIDITY]))) if (name !== "ok" && !FAILED.has(name)) tell.push(["validity", name, ended(name), (row) => row[VALIDITY] === name]);
    meta.marks.slice(0, 8).forEach((name, number) => tell.push(["mark", name, name, (row) => row[MARKS].includes(number)]));
    get("chips").replaceChildren(...tell.map(([field, want, word, test]) => [field, want, word, rows.filter(test).length]).filter(([, , , many]) => many)
      .map(([field, want, word, many]) => el("button", { type: "button", "data-field": field, "data-value": want, "aria-pressed": "false",
        onclick: () => { get(field).value = get(field).value === want ? "" : want; change(); } }, inline(kit.plain(word).slice(0, 60)), ` ${many.toLocaleString("en")}`)));
  }

  /* Where a search saw only the first words of samples, since other pages have their texts. */
  function unsearched() {
    if (!get("q").value) return [];
    if (meta.part || meta.parts.length === 1) return meta.omitted ? [" Of samples without details the first words alone were searched."] : [];
    const state = new URLSearchParams(location.hash.slice(1));
    state.delete("sample"); state.set("q", get("q").value);
    if (get("regex").checked) state.set("regex", "1");
    const links = meta.parts.slice(1).map((_, place) => [" ", el("a", { href: shards.file(place + 1) + "#" + state }, `part ${place + 2}`)]);
    return [" Of samples in other parts the first words alone were searched; the same search in", ...links.flat(), "."];
  }

  function item(row) {
    const score = value(row), failed = FAILED.has(row[VALIDITY]);
    const sign = failed ? "!" : score === null ? "·" : score === 1 ? "✓" : score === 0 ? "✗" : "≈";
    const name = meta.runs.length > 1 ? `${row[ID]} · ${meta.runs[row[RUN]].model}` : row[ID];
    return [el("span", { class: "sign " + (failed || score === 0 ? "bad" : score === 1 ? "good" : "soft") }, sign),
      el("span", { class: "name" }, shown(name)),
      el("span", { class: "value" }, row[VALIDITY] === "ok" ? number(score) : ended(row[VALIDITY])),
      el("span", { class: "text" }, shown(row[ANSWER] || row[ASKED]))];
  }
  const browser = kit.listbox({ box: list, space, item, open, moved: () => store(), enter: () => detail.focus() });

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); get("q").focus(); }
    if (event.key === "Escape" && (detail.contains(document.activeElement) || document.activeElement === get("q"))) list.focus();
  });

  /* ---- one sample */
  async function open(row) {
    const one = shards.here(row[SHARD]) ? (await shards.get(row[SHARD], true))[row[PLACE]] : null;
    if (browser.row() !== row) return;
    const first = detail.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    detail.replaceChildren(...(one ? [stays(row, one), el("p", { class: "note" }, inline(where(row))), tags(row, one.flags || []), ...kit.sample(one)] : without(row)));
    detail.scrollTop = 0;
    if (first) detail.querySelector(`[data-act="${first}"]`)?.focus();
  }

  /* What stays in view: the question, what was expected and got, why it counts as it does, and what can be done with it. */
  function stays(row, one) {
    const score = (one.scores || [])[0], short = (text) => inline(kit.plain(text).length > 300 ? kit.plain(text).slice(0, 299) + "…" : text);
    const expected = one.targets ? one.targets.join(" | ") : (one.gold || []).map((place) => (one.choices || [])[place]).join(" | ");
    const got = row[VALIDITY] === "ok" || !one.failure ? row[ANSWER] : one.failure[2];
    const told = [["question", row[ASKED]], ["expected", expected], ["got", got || "–"], ["why", kit.reason(one, score)]].filter(([, text]) => text);
    const act = (name, word, what) => el("button", { type: "button", "data-act": name, onclick: what }, word);
    const command = `evalkit show ${meta.runs[row[RUN]].folder} --task ${meta.tasks[row[TASK]]} --sample ${one.id}`;
    return el("header", { class: "stays" }, el("h3", {}, inline(one.id)), el("dl", {}, told.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, short(text))])),
      el("p", { class: "acts" }, act("before", "‹ previous", () => step(-1)), act("after", "next ›", () => step(1)),
        act("link", "copy link", (event) => kit.copy(location.href, event.target)), act("json", "copy as JSON", (event) => kit.copy(JSON.stringify(one, null, 2), event.target)),
        act("command", "copy command", (event) => kit.copy(command, event.target))));
  }
  const step = (way) => { const place = found.indexOf(browser.row()) + way; if (place >= 0 && place < found.length) browser.choose(place, true); };
  detail.addEventListener("keydown", (event) => { if (event.key === "ArrowLeft") step(-1); else if (event.key === "ArrowRight") step(1); });

  const where = (row) => [meta.tasks[row[TASK]], meta.runs[row[RUN]].model, ...row[GROUPS].map((number) => meta.groups[number]), row[REPEAT] ? "repeat " + row[REPEAT] : null].filter(Boolean).join(" · ");
  const tags = (row, flags) => el("p", {}, el("span", { class: "tag" + (FAILED.has(row[VALIDITY]) ? " failed" : "") }, ended(row[VALIDITY])), flags.map((flag) => el("span", { class: "tag" }, inline(flag))));
  const head = (row, id, flags) => [el("h3", {}, inline(id)), el("p", { class: "note" }, inline(where(row))), tags(row, flags)];

  const without = (row) => [...head(row, row[ID], []), kit.elsewhere(shards, row[SHARD], "#" + new URLSearchParams([["sample", keyOf(row)]]),
    ["The run folder has them: ", el("code", {}, inline(`evalkit show ${meta.runs[row[RUN]].folder} --sample ${row[ID]}`))]),
    el("h4", {}, "Question"), kit.block(row[ASKED]), el("h4", {}, "Answer"), kit.block(row[ANSWER])];

  /* ---- the state in the address */
  const keyOf = (row) => [meta.runs[row[RUN]].model, meta.tasks[row[TASK]], row[ID], row[INDEX], row[REPEAT], row[RUN]].map(encodeURIComponent).join("/");
  function store(push) {
    const parts = new URLSearchParams();
    if (get("q").value) parts.set("q", get("q").value);
    if (get("regex").checked) parts.set("regex", "1");
    for (const name of fields) if (get(name).value) parts.set(name, get(name).value);
    if (browser.row()) parts.set("sample", keyOf(browser.row()));
    const hash = "#" + (parts.toString() || "samples");
    if (hash !== location.hash) history[push ? "pushState" : "replaceState"](null, "", hash);
  }

  async function restore(again) {
    const parts = new URLSearchParams(location.hash.slice(1));
    get("q").value = parts.get("q") || "";
    get("regex").checked = parts.get("regex") === "1";
    for (const name of fields) { get(name).value = parts.get(name) || ""; if (get(name).selectedIndex < 0) get(name).value = ""; }
    await filter();
    const wanted = parts.get("sample");
    if (parts.size && again) get("samples").scrollIntoView();
    if (!wanted) { interesting(); return; }
    const place = found.findIndex((row) => keyOf(row) === wanted);
    get("samples").scrollIntoView();
    if (place >= 0) browser.choose(place, false);
    else detail.replaceChildren(el("p", { class: "notice" }, "The sample of this link is not in this report, or the filters leave it out."));
  }

  /* The first sample that is wrong or was not measured, else the first: open before anybody asks. */
  function interesting() {
    const place = found.findIndex((row) => FAILED.has(row[VALIDITY]) || (value(row) !== null && value(row) < 1));
    if (found.length) browser.choose(Math.max(0, place), false);
  }

  const change = async () => { await filter(browser.row()); if (!browser.row()) interesting(); store(true); };
  let typed = 0;
  get("q").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(change, 200); });
  get("regex").addEventListener("change", change);
  for (const name of fields) get(name).addEventListener("change", change);
  get("filters").addEventListener("submit", (event) => event.preventDefault());
  get("filters").addEventListener("reset", () => setTimeout(change));
  addEventListener("hashchange", () => restore(true));
  chips();
  await restore(location.hash.includes("="));
  document.documentElement.dataset.ready = "1";
})();
