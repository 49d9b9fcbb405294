/* The page of one run or several: its samples, and what other models said to the same question. */
(() => {
  const { el, shown, inline, json, number } = kit, { RUN, TASK, ID, INDEX, REPEAT, VALIDITY, GROUPS, VALUE, ANSWER, ASKED } = kit.COLUMNS;
  const meta = json("meta"), FAILED = new Set(meta.failed), several = meta.runs.length > 1, twins = new Map();
  const question = (row) => `${row[TASK]}/${row[INDEX]}/${row[REPEAT]}/${row[ID]}`, others = (row) => twins.get(question(row)) || [row];
  const ended = (row) => meta.words[row[VALIDITY]] || row[VALIDITY], span = (row) => meta.spans[row[TASK]], failed = (row) => FAILED.has(row[VALIDITY]);
  const where = (row) => [meta.tasks[row[TASK]], meta.runs[row[RUN]].model, ...row[GROUPS].map((place) => meta.groups[place]), row[REPEAT] ? "repeat " + row[REPEAT] : null].filter(Boolean).join(" · ");

  function ready(rows) {
    if (several) for (const row of rows) { const key = question(row), here = twins.get(key); if (here) here.push(row); else twins.set(key, [row]); }
  }
  const item = (row) => [kit.sides.sign(row[VALUE], failed(row), span(row)), el("span", { class: "name" }, shown(several ? `${row[ID]} · ${meta.runs[row[RUN]].model}` : row[ID])),
    el("span", { class: "value" }, row[VALIDITY] === "ok" ? number(row[VALUE]) : ended(row)), el("span", { class: "text" }, shown(row[ANSWER] || row[ASKED]))];

  /* The other models' replies are decoded when they are near; the pane shows them when they come. */
  function compared(row, place) {
    if (!several || others(row).length < 2) return null;
    const box = el("section", { class: "evidence" }, el("h4", {}, "All models on this question"));
    Promise.all(others(row).map(async (twin) => ({ name: meta.runs[twin[RUN]].model, value: twin[VALUE], failed: failed(twin), ended: ended(twin), span: span(twin),
      one: place.shards.here(twin.at(-2)) ? (await place.shards.get(twin.at(-2), true))[twin.at(-1)] : null,
      go: twin === row ? null : () => { location.hash = "#" + new URLSearchParams([["task", meta.tasks[twin[TASK]]], ["sample", keyOf(twin).map(encodeURIComponent).join("/")]]); } })))
      .then((all) => box.append(kit.sides(all)));
    return box;
  }
  function open(row, one, place) {
    const tags = el("p", {}, el("span", { class: "tag" + (failed(row) ? " failed" : "") }, ended(row)), ((one || {}).flags || []).map((flag) => el("span", { class: "tag" }, inline(meta.says[flag] || flag))));
    const head = [el("p", { class: "note" }, inline(where(row))), tags];
    const run = meta.runs[row[RUN]], quoted = kit.quoted;
    const command = (word) => `evalkit ${word} ${quoted(run.folder)} --task ${quoted(meta.tasks[row[TASK]])} --sample ${quoted(one ? one.id : row[ID])}`;
    if (!one) return [kit.header(row[ID], place, [], []), ...head, kit.elsewhere(place.shards, row.at(-2), place.link(), ["The run folder has them: ", el("code", {}, inline(command("show")))]),
      el("h4", {}, "Question"), kit.block(row[ASKED]), el("h4", {}, "Answer"), kit.block(row[ANSWER])];
    const got = row[VALIDITY] === "ok" || !one.failure ? row[ANSWER] : one.failure[2];
    const terms = [["question", row[ASKED]], ["expected", kit.header.expected(one)], ["got", got || "–"], ["why", kit.reason(one, (one.scores || [])[0])]];
    const copies = [["json", "copy as JSON", () => JSON.stringify(one, null, 2)], ["command", "copy command that shows it", () => command("show")]];
    if (run.again) copies.push(["again", "copy command that reruns it", () => `${command("show")} --again`]);
    return [kit.header(one.id, place, terms, copies), ...head, compared(row, place), ...kit.sample(one)].filter(Boolean);
  }
  const keyOf = (row) => [meta.runs[row[RUN]].model, meta.tasks[row[TASK]], row[ID], row[INDEX], row[REPEAT], row[RUN]];
  const state = (row) => `${failed(row)}/${row[VALUE]}`;
  kit.browse(meta, { ready, item, open, keyOf, other: (row) => others(row).some((twin) => state(twin) !== state(row)) });
})();
