/* One sample in full: scores, prompt as chat, choices, replies, target, what the scores rest on, data. */
kit.sample = (() => {
  const { el, shown, inline, block, number } = kit;
  const { message } = kit.evidence;
  const section = (title, text) => el("div", {}, el("h4", {}, title), block(text));
  const table = (names, lines, kind) => el("table", { class: kind }, el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, lines));

  /* What was read out of a reply: a program keeps its lines. */
  const answered = (text) => text === null ? "–" : text.includes("\n") ? block(text) : inline(text);
  const scored = ([name, v, answer, reason, validity]) => el("tr", {}, el("th", { scope: "row" }, shown(name)),
    el("td", {}, number(v) + (validity && validity !== "ok" ? ` (${validity})` : "")), el("td", {}, answered(answer)), el("td", {}, inline(reason || "")));
  const scores = (all) => table(["score", "value", "answer", "reason"], all.map(scored), "scores");

  function choices(one, replies) {
    const single = replies.length === one.choices.length && replies.every((reply) => (reply.loglikelihoods || []).length === 1);
    const values = single ? replies.map((reply) => reply.loglikelihoods[0]) : (replies[0] || {}).loglikelihoods || [];
    const fits = values.length === one.choices.length, best = fits ? Math.max(...values) : 0;
    const mass = fits ? values.reduce((sum, v) => sum + Math.exp(v - best), 0) : 1;
    return table(["mark", "choice", ...(fits ? ["log-likelihood", "proportion"] : [])], one.choices.map((choice, place) => {
      const share = fits ? Math.exp(values[place] - best) / mass : 0, meter = el("span", { class: "meter" });
      meter.style.width = Math.round(80 * share) + "px";
      const right = (one.gold || []).includes(place), likeliest = fits && values[place] === best;
      return el("tr", {}, el("td", { class: right ? "good" : "soft" }, [right ? "✓ right" : "", likeliest ? "→ chosen" : ""].filter(Boolean).join(" ")), el("td", {}, inline(choice)),
        ...(fits ? [el("td", {}, number(values[place])), el("td", {}, meter, ` ${number(share, "proportion")}`)] : []));
    }));
  }

  function reply(one, name, chosen, first) {
    if (one.role === "tool") return [el("h4", {}, `Tool result${name}`), ...one.texts.map((text) => message("tool", text))];
    const made = first ? [] : (one.sent || []).map(([role, text]) => message(role, text)), ends = one.finish || [];
    (one.reasoning || []).forEach((text) => { if (text) made.push(el("details", {}, el("summary", {}, `Reasoning${name}`), block(text))); });
    (one.texts || []).forEach((text, place) => made.push(el("h4", {}, `Completion${name}${one.texts.length > 1 ? ` (${place + 1} of ${one.texts.length})` : ""}`), message("assistant", text),
      el("p", { class: "note" }, inline(`ended: ${ends[place] || "–"} · ${(one.tokens || [0, 0]).join(" + ")} tokens${one.thought ? ` (${one.thought} of them thought)` : ""} · ${number(one.seconds || 0)} s · from ${one.source}`))));
    (one.cut || []).forEach((text) => { if (text) made.push(el("details", {}, el("summary", {}, `Cut at a stop string${name}`), block(text))); });
    (one.calls || []).forEach((calls) => calls.forEach(([tool, args]) => made.push(el("h4", {}, "Tool call"), message("tool", `${tool}(${args})`))));
    if (one.loglikelihoods && !chosen) made.push(section(`Log-likelihoods${name}`, one.loglikelihoods.map(number).join("  ")));
    for (const note of one.notes || []) made.push(el("p", { class: "note" }, inline(note)));
    if (one.truncated) made.push(el("p", { class: "note" }, `${one.truncated} tokens of the prompt were cut`));
    return made;
  }

  /* Description and examples are folded: the question is what is asked of this sample. */
  function prompt(one) {
    const said = one.messages || [];
    if (!one.preamble || said.length !== 1) return said.map(([role, text]) => message(role, text));
    const text = said[0][1];
    return [el("details", {}, el("summary", {}, `Before the question: description and examples, ${one.preamble.toLocaleString("en")} characters`), message(said[0][0], text.slice(0, one.preamble))),
      message(said[0][0], text.slice(one.preamble))];
  }

  function data(values) {
    const made = el("details", {}, el("summary", {}, "The sample's data"));
    for (const [key, thing] of Object.entries(values)) made.append(el("h4", {}, inline(key)), block(typeof thing === "string" ? thing : JSON.stringify(thing, null, 2)));
    return made;
  }

  return (one) => {
    const made = [], replies = one.replies || [], values = { ...one.data };
    if (one.failure) made.push(el("div", { class: "notice" }, el("p", {}, inline(`failed in ${one.failure[0]}: ${one.failure[1]}`)), block(one.failure[2])));
    if (one.scores) made.push(el("h4", {}, "Scores"), scores(one.scores));
    made.push(el("h4", {}, "Prompt"), ...prompt(one));
    if (one.input) made.push(section("Input", one.input));
    if (one.choices) made.push(el("h4", {}, "Choices"), choices(one, replies));
    replies.forEach((each, place) => made.push(...reply(each, replies.length > 1 ? ` ${place + 1}` : "", Boolean(one.choices), !place)));
    if (one.targets) made.push(el("h4", {}, one.targets.length > 1 ? "Targets (any of them)" : "Target"), ...one.targets.map(block));
    made.push(...kit.evidence.of(one.scores || []));
    const contexts = kit.evidence.contexts(values);
    if (contexts) { made.push(contexts); delete values.contexts; }
    if (Object.keys(values).length) made.push(data(values));
    const facts = [`${number(one.seconds)} s`, one.cost !== undefined ? `$${number(one.cost)}` : null,
      `sample ${(one.digests || [])[0] || "–"}`, `prompt ${(one.digests || [])[1] || "–"}`, one.cluster ? `cluster ${one.cluster}` : null];
    made.push(el("p", { class: "note" }, inline(facts.filter(Boolean).join(" · "))));
    return made;
  };
})();

/* Why a sample has its score, in words: what the scorer said, else what the numbers show. */
kit.reason = (one, score) => {
  if (one.failure) return `failed in ${one.failure[0]}: ${one.failure[1]}`;
  if (!score) return "no score";
  const [, value, answer, reason] = score, replies = one.replies || [];
  if (reason) return reason;
  const single = replies.length === (one.choices || []).length && replies.every((reply) => (reply.loglikelihoods || []).length === 1);
  const values = single ? replies.map((reply) => reply.loglikelihoods[0]) : (replies[0] || {}).loglikelihoods || [];
  if (one.choices && values.length === one.choices.length && values.length) {
    const best = Math.max(...values), mass = values.reduce((sum, v) => sum + Math.exp(v - best), 0), share = (place) => `${Math.round(100 * Math.exp(values[place] - best) / mass)}%`;
    const chosen = values.indexOf(best), gold = (one.gold || [])[0];
    const right = (one.gold || []).includes(chosen);
    return `chose “${one.choices[chosen]}” with ${share(chosen)}` + (right || gold === undefined ? "" : `; the right one, “${one.choices[gold]}”, has ${share(gold)}`);
  }
  if (one.targets && answer !== null && answer !== undefined && value < 1) return value > 0 ? `“${answer}” is in part what was expected` : `“${answer}” is not what was expected`;
  return value === 1 ? "as expected" : `score ${kit.number(value)}`;
};
