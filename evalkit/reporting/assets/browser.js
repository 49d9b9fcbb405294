/* The browser of samples that every page with samples has: filters, chips, the list, the state in the address.
   A row of the index has these columns; a page adds its own before the last two, the places of the details. */
kit.COLUMNS = { RUN: 0, TASK: 1, ID: 2, INDEX: 3, REPEAT: 4, VALIDITY: 5, GROUPS: 6, VALUE: 7, ANSWER: 8, ASKED: 9, MARKS: 10, SECONDS: 11, LENGTH: 12, SURE: 13, OWN: 14 };

/* `page` has what differs between pages: `fields` (name to options and a test), `orders`, `chips`, `item`, `open`,
   `wrong` (what is interesting), `other` (a test for the box), `initial` (filters where the address has none). */
kit.browse = async (meta, page) => {
  const { el, inline } = kit, { RUN, TASK, ID, INDEX, REPEAT, VALIDITY, GROUPS, VALUE, ANSWER, ASKED, MARKS, SECONDS, LENGTH, SURE } = kit.COLUMNS;
  const get = (id) => document.getElementById(id), list = get("list"), detail = get("detail"), count = get("count");
  const FAILED = new Set(meta.failed), ended = (code) => meta.words[code] || code, value = (row) => row[VALUE];
  let found = [], search = 0, searched = null;

  kit.ended = ended; kit.says = meta.says;
  get("browser").hidden = false;
  count.textContent = "reading…";
  const shards = await kit.shards(meta, (text) => { count.textContent = text; }), rows = shards.rows;
  rows.sort((a, b) => a[TASK] - b[TASK] || a[INDEX] - b[INDEX] || a[REPEAT] - b[REPEAT] || a[RUN] - b[RUN]);
  page.ready?.(rows, shards);

  /* ---- fields: what can be chosen, and which rows that leaves */
  const at = (row, end) => value(row) !== null && value(row) === meta.spans[row[TASK]][end], worst = (row) => at(row, 0), best = (row) => at(row, 1);
  const below = (row) => value(row) !== null && meta.spans[row[TASK]][1] !== null && !best(row);
  const counted = (column) => {
    const many = new Map(), take = (one) => many.set(one, (many.get(one) || 0) + 1);
    for (const row of rows) if (Array.isArray(row[column])) row[column].forEach(take); else take(row[column]);
    return many;
  };
  const named = (names, many) => names.map((name, place) => [name, `${name} (${(many.get(place) || 0).toLocaleString("en")})`]).filter((_, place) => many.has(place));
  const sorted = (pairs) => pairs.sort((a, b) => a[0] < b[0] ? -1 : 1);
  const listed = (column, names) => (want) => { const place = names.indexOf(want); return (row) => row[column].includes(place); };
  const validities = counted(VALIDITY), groups = counted(GROUPS), marks = counted(MARKS), tasks = counted(TASK);
  const fields = {
    task: { options: [["", "all"], ...named(meta.tasks, tasks)], test: (want) => { const place = meta.tasks.indexOf(want); return (row) => row[TASK] === place; } },
    run: { options: [["", "all"], ...(page.fields?.kind ? [] : meta.runs.map((run, place) => [String(place), run.model]))], test: (want) => (row) => row[RUN] === Number(want) },
    group: { options: [["", "all"], ...sorted(named(meta.groups, groups))], test: listed(GROUPS, meta.groups) },
    validity: { options: [["", "any"], ["failed", "not measured"], ...[...validities].sort().map(([name, many]) => [name, `${ended(name)} (${many.toLocaleString("en")})`])],
      test: (want) => want === "failed" ? (row) => FAILED.has(row[VALIDITY]) : (row) => row[VALIDITY] === want },
    mark: { options: [["", "any"], ...sorted(named(meta.marks, marks))], test: listed(MARKS, meta.marks) },
    score: { options: [["", "any"], ["wrong", "not right"], ["right", "right: the best value"], ["zero", "the worst value"], ["none", "no score"]],
      test: (want) => ({ wrong: below, right: best, zero: worst, none: (row) => value(row) === null })[want] || (() => true) },
    ...page.fields,
  };
  const nothing = (row, worst) => value(row) === null ? worst : value(row), by = (column) => (a, b) => a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : 0;
  const orders = {
    low: ["lowest score first", (a, b) => nothing(a, Infinity) - nothing(b, Infinity)], high: ["highest score first", (a, b) => nothing(b, -Infinity) - nothing(a, -Infinity)],
    id: ["id", by(ID)], validity: ["how it ended", by(VALIDITY)], slow: ["slowest first", (a, b) => b[SECONDS] - a[SECONDS]], long: ["longest question first", (a, b) => b[LENGTH] - a[LENGTH]], ...page.orders,
  };
  fields.sort = { options: [["", "as given"], ...Object.entries(orders).map(([key, [word]]) => [key, word])] };
  const ranges = { seconds: [SECONDS, "seconds"], length: [LENGTH, "characters of the question"], sure: [SURE, "confidence"] }, limits = {};
  const names = Object.keys(fields);
  for (const name of names) {
    get(name).replaceChildren(...fields[name].options.map(([key, text]) => el("option", { value: key }, kit.plain(text))));
    get(name).parentElement.hidden = fields[name].options.length < 3;
  }

  /* ---- what is asked for */
  function matcher() {
    const box = get("q"), text = box.value;
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
  function passing() {
    const tests = names.filter((name) => fields[name].test && get(name).value).map((name) => fields[name].test(get(name).value));
    for (const [name, [low, high]] of Object.entries(limits)) { const column = ranges[name][0]; tests.push((row) => row[column] !== null && row[column] >= low && row[column] < high); }
    if (get("other").checked) tests.push(page.other);
    return tests;
  }
  async function filter(keep) {
    const mine = ++search, match = matcher();
    if (match === undefined) { count.textContent = "This is no regular expression."; return; }
    const tests = passing();
    let wanted = tests.length ? rows.filter((row) => tests.every((test) => test(row))) : rows.slice();
    if (match) {
      const hits = await look(match, mine);
      if (hits === null) return;
      wanted = wanted.filter((row) => hits.has(row));
    }
    const order = orders[get("sort").value];
    if (order) wanted.sort(order[1]);
    found = wanted;
    show(keep);
  }
  /* Rows whose text matches: shard after shard, so that the page stays alive and nothing is kept. */
  async function look(match, mine) {
    const key = JSON.stringify([get("q").value, get("regex").checked]);
    if (searched && searched.key === key) return searched.hits;
    const own = page.texts || (() => []);
    const hits = new Set(rows.filter((row) => match(row[ID]) || match(row[ANSWER]) || match(row[ASKED]) || own(row).some(match))), members = new Map();
    for (const row of rows) if (!hits.has(row) && shards.here(row.at(-2))) { const here = members.get(row.at(-2)); if (here) here.push(row); else members.set(row.at(-2), [row]); }
    let done = 0;
    for (const [number, here] of members) {
      const all = await shards.get(number, false);
      for (const row of here) if (strings(all[row.at(-1)], []).some(match)) hits.add(row);
      if (mine !== search) return null;
      if (++done % 16 === 0) count.textContent = `searching… ${Math.round(100 * done / members.size)}%`;
    }
    searched = { key, hits };
    return hits;
  }

  /* ---- the list, its count and its chips */
  function show(keep) {
    const total = rows.length.toLocaleString("en"), here = found.length.toLocaleString("en"), most = kit.MOST.toLocaleString("en");
    const cut = found.length > kit.MOST ? ` The list holds the first ${most}: filter to see others.` : "";
    count.replaceChildren((found.length === rows.length ? `${total} samples.` : `${here} of ${total} samples.`) + cut, ...unsearched());
    listbox.show(found, keep);
    for (const chip of document.querySelectorAll("[data-field]")) chip.setAttribute("aria-pressed", String(get(chip.dataset.field).value === chip.dataset.value && (!chip.dataset.task || get("task").value === chip.dataset.task)));
    get("limits").replaceChildren(...Object.entries(limits).map(([name, [low, high]]) => el("button", { type: "button", class: "chip", onclick: () => { delete limits[name]; change(); } }, `${ranges[name][1]}: ${low} to ${high} ✕`)));
  }
  /* Chips with counts over the whole report; one more click takes the filter off. */
  function chips() {
    const tell = [...(page.chips?.(rows) || []), ["score", "wrong", "wrong", below], ["validity", "failed", "not measured", (row) => FAILED.has(row[VALIDITY])]];
    for (const name of validities.keys()) if (name !== "ok" && !FAILED.has(name)) tell.push(["validity", name, ended(name), (row) => row[VALIDITY] === name]);
    [...marks].sort((a, b) => b[1] - a[1]).slice(0, 10).forEach(([place]) => tell.push(["mark", meta.marks[place], meta.says[meta.marks[place]] || meta.marks[place], (row) => row[MARKS].includes(place)]));
    get("chips").replaceChildren(...tell.map(([field, want, word, test]) => [field, want, word, rows.reduce((sum, row) => sum + test(row), 0)]).filter(([, , , many]) => many)
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
  const listbox = kit.listbox({ box: list, space: get("space"), item: page.item, open, moved: () => store(), enter: () => detail.focus() });

  /* ---- one sample */
  async function open(row) {
    const one = shards.here(row.at(-2)) ? (await shards.get(row.at(-2), true))[row.at(-1)] : null;
    if (listbox.row() !== row) return;
    const act = detail.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
    detail.replaceChildren(...page.open(row, one, { at: found.indexOf(row), of: found.length, step, link: (way) => "#" + new URLSearchParams([...(way || []), ["sample", keyOf(row)]]), shards }));
    detail.scrollTop = 0;
    if (act) detail.querySelector(`[data-act="${act}"]`)?.focus();
  }
  const step = (way) => { const place = found.indexOf(listbox.row()) + way; if (place >= 0 && place < found.length) listbox.choose(place, true); };
  detail.addEventListener("keydown", (event) => { if (/^(PRE|TABLE|INPUT)$/.test(event.target.tagName)) return; if (event.key === "ArrowLeft") step(-1); else if (event.key === "ArrowRight") step(1); });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); get("q").focus(); }
    if (event.key === "Escape" && (detail.contains(document.activeElement) || document.activeElement === get("q"))) list.focus();
  });

  /* ---- the state in the address */
  const keyOf = (row) => page.keyOf(row).map(encodeURIComponent).join("/");
  function store(push) {
    const parts = new URLSearchParams();
    if (get("q").value) parts.set("q", get("q").value);
    for (const name of ["regex", "other"]) if (get(name).checked) parts.set(name, "1");
    for (const name of names) if (get(name).value) parts.set(name, get(name).value);
    for (const [name, [low, high]] of Object.entries(limits)) parts.set(name, `${low}..${high}`);
    if (listbox.row()) parts.set("sample", keyOf(listbox.row()));
    const hash = "#" + (parts.toString() || "samples");
    if (hash !== location.hash) history[push ? "pushState" : "replaceState"](null, "", hash);
  }
  async function restore(again) {
    let parts = new URLSearchParams(location.hash.slice(1));
    if (!location.hash.includes("=")) parts = new URLSearchParams(page.initial?.(rows) || "");
    get("q").value = parts.get("q") || "";
    for (const name of ["regex", "other"]) get(name).checked = parts.get(name) === "1";
    for (const name of names) { get(name).value = parts.get(name) || ""; if (get(name).selectedIndex < 0) get(name).value = ""; }
    for (const name of Object.keys(ranges)) {
      const ends = (parts.get(name) || "").split("..").map(Number);
      if (ends.length === 2 && ends.every((end) => !Number.isNaN(end))) limits[name] = ends; else delete limits[name];
    }
    await filter();
    const wanted = parts.get("sample"), place = wanted ? found.findIndex((row) => keyOf(row) === wanted) : -1;
    if (again || wanted) get("samples").scrollIntoView();
    if (place >= 0) listbox.choose(place, false);
    else if (wanted) detail.replaceChildren(el("p", { class: "notice" }, "The sample of this link is not in this report, or the filters leave it out."));
    else interesting();
  }
  /* The first sample worth a look, else the first: open before anybody asks. */
  function interesting() { if (found.length) listbox.choose(Math.max(0, found.findIndex(page.wrong || ((row) => FAILED.has(row[VALIDITY]) || below(row)))), false); }

  const change = async () => { await filter(listbox.row()); if (!listbox.row()) interesting(); store(true); };
  let typed = 0;
  get("q").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(change, 200); });
  for (const name of ["regex", "other", ...names]) get(name).addEventListener("change", change);
  get("filters").addEventListener("submit", (event) => event.preventDefault());
  get("filters").addEventListener("reset", () => { for (const name of Object.keys(limits)) delete limits[name]; setTimeout(change); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-field]:not(#chips button)");
    if (!button) return;
    if (button.dataset.task) get("task").value = button.dataset.task;
    get(button.dataset.field).value = button.dataset.value;
    change().then(() => { get("samples").scrollIntoView(); list.focus(); });
  });
  addEventListener("hashchange", () => restore(location.hash.includes("=")));
  chips();
  await restore(location.hash.includes("="));
  document.documentElement.dataset.ready = "1";
};
