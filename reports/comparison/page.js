/* The page of two runs: what changed between them, sample by sample, down to the words in which replies differ. */
(() => {
  const { el, shown, inline, json, number, difference } = kit, { TASK, ID, INDEX, REPEAT, VALIDITY, GROUPS, VALUE, ANSWER, OWN } = kit.COLUMNS;
  const KIND = OWN, OLD = OWN + 1, ENDED = OWN + 2, ALIKE = OWN + 3, SAID = OWN + 4;
  const meta = json("meta"), FAILED = new Set(meta.failed), CHANGED = new Set(["lost", "gained", "worse", "better"]);
  const SIGNS = { lost: "▼", worse: "▼", gained: "▲", better: "▲", both: "✓", neither: "✗", same: "=", errored: "!" };
  const ended = (code) => meta.words[code] || code, higher = (row) => meta.higher[row[TASK]], span = (row) => meta.spans[row[TASK]];
  const change = (row) => row[OLD] === null || row[VALUE] === null ? 0 : (row[VALUE] - row[OLD]) * (higher(row) ? 1 : -1);
  const kinds = { options: [["", "all"], ["changed", "score changed"], ...Object.entries(meta.kinds)], test: (want) => want === "changed" ? (row) => CHANGED.has(row[KIND]) : (row) => row[KIND] === want };
  const orders = { worse: ["largest loss first", (a, b) => change(a) - change(b)], better: ["largest gain first", (a, b) => change(b) - change(a)] };

  const item = (row) => [el("span", { class: "sign " + (/lost|worse|errored/.test(row[KIND]) ? "bad" : /gained|better/.test(row[KIND]) ? "good" : "soft") }, SIGNS[row[KIND]]),
    el("span", { class: "name" }, shown(row[ID])), el("span", { class: "value" }, `${number(row[OLD])} → ${number(row[VALUE])}`),
    el("span", { class: "text" }, shown(row[ALIKE] ? row[ANSWER] : `${row[SAID]} → ${row[ANSWER]}`))];
  const where = (row) => [meta.tasks[row[TASK]], ...row[GROUPS].map((place) => meta.groups[place]), meta.kinds[row[KIND]], row[REPEAT] ? "repeat " + row[REPEAT] : ""].filter(Boolean).join(" · ");
  const said = (one) => { const texts = (one.replies || []).flatMap((reply) => reply.texts || []); return texts.length ? texts : (one.scores || []).map((score) => score[2]).filter((answer) => answer !== null).slice(0, 1); };
  const asked = (one) => { const [, text] = (one.messages || []).at(-1) || ["", one.input || ""]; return text.slice(one.preamble || 0); };
  const why = (one) => kit.reason(one, (one.scores || [])[0]);

  function open(row, both, place) {
    const note = el("p", { class: "note" }, shown(where(row)));
    if (!both) return [kit.header(row[ID], place, [], []), note, kit.elsewhere(place.shards, row.at(-2), place.link([["kind", row[KIND]]]), ""), el("h4", {}, "A"), kit.block(row[SAID]), el("h4", {}, "B"), kit.block(row[ANSWER])];
    const b = both.b, a = { ...both.a };
    for (const key of a.shared) a[key] = b[key];
    const terms = [["question", asked(b)], ["expected", kit.header.expected(b)], [`A got`, row[SAID] || "–"], ["B got", row[ANSWER] || "–"], ["why A", why(a)], ["why B", why(b)]];
    const command = () => `evalkit show ${[meta.runs[1].folder, "--task", meta.tasks[row[TASK]], "--sample", b.id].map(kit.quoted).join(" ")}`;
    return [kit.header(row[ID], place, terms, [["json", "copy as JSON", () => JSON.stringify({ a, b }, null, 2)], ["command", "copy command that shows B's", command]]), note, ...parts(row, a, b)];
  }
  function parts(row, a, b) {
    const made = [], [left, right] = [said(a), said(b)], most = Math.max(left.length, right.length, 1);
    for (let place = 0; place < most; place++) {
      const [one, other, note] = difference(left[place] || "", right[place] || "");
      made.push(el("h4", {}, most > 1 ? `Completion ${place + 1}` : "Completion"), ...(note ? [el("p", { class: "note" }, note)] : []), kit.sides([
        { name: `A ${meta.runs[0].model}`, value: row[OLD], failed: FAILED.has(row[ENDED]), ended: ended(row[ENDED]), body: one, span: span(row) },
        { name: `B ${meta.runs[1].model}`, value: row[VALUE], failed: FAILED.has(row[VALIDITY]), ended: ended(row[VALIDITY]), body: other, span: span(row) }]));
    }
    if (a.scores || b.scores) made.push(el("h4", {}, "Scores"), el("div", { class: "sides" }, [a, b].map((one) => one.scores ? kit.sample.scores(one) : el("p", { class: "note" }, "no scores"))));
    const rest = [a, b].map((one) => kit.evidence.of(one.scores || []));
    if (rest.some((found) => found.length)) made.push(el("h4", {}, "What the scores rest on"), el("div", { class: "sides" }, rest.map((found) => el("div", {}, found))));
    if (b.targets) made.push(el("h4", {}, "Expected"), ...b.targets.map(kit.block));
    const text = (one) => (one.messages || []).map(([role, words]) => `${role}: ${words}`).join("\n\n");
    if (text(a) === text(b)) made.push(el("h4", {}, "Prompt, the same for both"), ...kit.conversation.prompt(b));
    else { const [one, other] = difference(text(a), text(b)); made.push(el("h4", {}, "Prompts, which differ"), el("div", { class: "sides" }, one, other)); }
    for (const [name, one] of [["A", a], ["B", b]]) if ((one.replies || []).length > 1) made.push(el("details", {}, el("summary", {}, `${name}'s whole conversation`), kit.conversation.replies(one)));
    return made;
  }
  const keyOf = (row) => [meta.tasks[row[TASK]], row[ID], row[INDEX], row[REPEAT]];
  kit.browse(meta, { fields: { kind: kinds }, orders, item, open, keyOf, texts: (row) => [row[SAID]], wrong: (row) => /lost|worse/.test(row[KIND]), other: (row) => !row[ALIKE],
    chips: () => Object.entries(meta.kinds).map(([kind, word]) => ["kind", kind, word, (row) => row[KIND] === kind]),
    initial: (rows) => rows.some((row) => CHANGED.has(row[KIND])) ? "kind=changed" : "" });
})();
