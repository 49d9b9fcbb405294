/* One sample in full: the conversation, choices, scores with reasons, what they rest on, data. */
kit.sample = (() => {
  const { el, shown, inline, block, number } = kit;
  const section = (title, text) => el("div", {}, el("h4", {}, title), block(text));
  const table = (names, lines, kind) => el("table", { class: kind }, el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, lines));

  /* What was read out of a reply: a program keeps its lines. */
  const answered = (text) => text === null ? "–" : text.includes("\n") ? block(text) : inline(text);
  const scored = (one, score) => { const [name, v, answer, , validity] = score;
    return el("tr", {}, el("th", { scope: "row" }, shown(name)), el("td", {}, number(v) + (validity && validity !== "ok" ? ` (${kit.ended(validity)})` : "")), el("td", {}, answered(answer)), el("td", {}, inline(kit.reason(one, score)))); };
  const scores = (one) => table(["score", "value", "answer", "reason"], one.scores.map((score) => scored(one, score)), "scores");

  function choices(one) {
    const values = kit.reason.likelihoods(one), parts = values ? kit.reason.shares(values) : [], best = values ? Math.max(...values) : 0;
    return table(["mark", "choice", ...(values ? ["log-likelihood", "proportion"] : [])], one.choices.map((choice, place) => {
      const meter = el("span", { class: "meter" }), right = (one.gold || []).includes(place), likeliest = values && values[place] === best;
      meter.style.width = Math.round(80 * (parts[place] || 0)) + "px";
      return el("tr", {}, el("td", { class: right ? "good" : "soft" }, [right ? "✓ right" : "", likeliest ? "→ chosen" : ""].filter(Boolean).join(" ")), el("td", {}, inline(choice)),
        ...(values ? [el("td", {}, number(values[place])), el("td", {}, meter, ` ${number(parts[place], "proportion")}`)] : []));
    }));
  }
  function data(values) {
    const made = el("details", {}, el("summary", {}, "The sample's data"));
    for (const [key, thing] of Object.entries(values)) made.append(el("h4", {}, inline(key)), block(typeof thing === "string" ? thing : JSON.stringify(thing, null, 2)));
    return made;
  }
  function sample(one) {
    const made = [], values = { ...one.data };
    if (one.failure) made.push(el("div", { class: "notice" }, el("p", {}, inline(`failed in ${kit.stages[one.failure[0]] || one.failure[0]}: ${one.failure[1]}`)), block(one.failure[2])));
    made.push(el("h4", {}, "Conversation"), ...kit.conversation.prompt(one));
    if (one.input) made.push(section("Input", one.input));
    made.push(...kit.conversation.replies(one));
    if (one.choices) made.push(el("h4", {}, "Choices"), choices(one));
    if (one.scores) made.push(el("h4", {}, "Scores"), scores(one));
    if (one.targets) made.push(el("h4", {}, one.targets.length > 1 ? "Expected (any of them)" : "Expected"), ...one.targets.map(block));
    made.push(...kit.evidence.of(one.scores || []));
    const contexts = kit.evidence.contexts(values);
    if (contexts) { made.push(contexts); delete values.contexts; }
    if (Object.keys(values).length) made.push(data(values));
    const facts = [`${number(one.seconds)} s`, one.cost !== undefined ? kit.money(one.cost) : null, `sample ${(one.digests || [])[0] || "–"}`, `prompt ${(one.digests || [])[1] || "–"}`, one.cluster ? `cluster ${one.cluster}` : null];
    made.push(el("p", { class: "note" }, inline(facts.filter(Boolean).join(" · "))));
    return made;
  }
  return Object.assign(sample, { scores });
})();
