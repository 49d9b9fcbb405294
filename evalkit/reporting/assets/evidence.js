/* What a score rests on (`Score.details`) and what an answer was made from: judges' calls, sentences and claims with
   their contexts, programs and what they printed. Every kind is told by a sign and a word, never by colour alone. */
kit.evidence = (() => {
  const { el, inline, block, number } = kit;
  const KINDS = { supported: "yes", faithful: "yes", entailed: "yes", passed: "yes", contradicted: "no", contradiction: "no",
    hallucinated: "no", wrong: "no", exception: "no", unsupported: "open", neutral: "open", unknown: "open" };
  const SIGNS = { yes: "✓", no: "✗", open: "?" };
  const kindOf = (word) => KINDS[String(word).toLowerCase()] || "other";
  const text = (value) => value === null || value === undefined ? "" : String(value);
  const list = (value) => Array.isArray(value) ? value : [];

  /* A word with the sign and the frame of its kind. */
  const verdict = (word) => el("span", { class: "verdict is-" + kindOf(word) }, SIGNS[kindOf(word)] ? SIGNS[kindOf(word)] + " " : "", inline(text(word)));

  /* ---- judges */
  const ORDERS = { AB: "First order: the first answer is A", BA: "Second order: the second answer is A" };
  const message = (role, words) => kit.conversation.message(role, words);

  function call(one, place, many) {
    const asked = list(one.messages);
    return el("div", { class: "call" },
      el("p", {}, one.verdict ? ["verdict ", el("strong", { class: "verdict is-other" }, inline(text(one.verdict)))] : el("strong", { class: "verdict is-no" }, "✗ no verdict"),
        one.repaired ? el("span", { class: "tag" }, "asked again") : null, many ? el("span", { class: "tag" }, `call ${place + 1}`) : null,
        one.model ? el("span", { class: "note" }, " ", inline(text(one.model))) : null),
      one.problem ? el("p", { class: "bad" }, inline(text(one.problem))) : null,
      message("judge", text(one.reply)),
      el("details", {}, el("summary", {}, `What the judge was asked (${asked.length} ${asked.length === 1 ? "message" : "messages"})`), asked.map((m) => message(text(m.role), text(m.content)))));
  }

  function transcript(name, calls, scores) {
    const orders = [...new Set(calls.map((one) => text(one.order)))].sort();
    const agree = (scores.find(([score]) => score === "consistent") || [])[1];
    const both = orders.includes("AB") && orders.includes("BA");
    const note = both && agree !== undefined && agree !== null ? (agree === 1 ? "Both orders agree." : "The orders do not agree: which answer is called better depends on which came first.") : "";
    return el("section", { class: "evidence transcript" }, el("h4", {}, "Judge: ", inline(name)), note ? el("p", { class: "note" }, note) : null,
      el("div", { class: "columns" + (both ? " two" : "") }, orders.map((order) => {
        const here = calls.filter((one) => text(one.order) === order);
        return el("div", { class: "column" }, order ? el("h5", {}, inline(ORDERS[order] || "Order " + order)) : null, here.map((one, place) => call(one, place, here.length > 1)));
      })));
  }

  /* ---- retrieved contexts and what the answer has of them */
  const ids = (contexts) => list(contexts).map((id) => el("button", { type: "button", class: "link context-link", onclick: (event) => {
    const pane = event.target.closest(".detail"), wanted = [...pane.querySelectorAll(".context")].find((one) => one.dataset.context === text(id));
    if (wanted) { wanted.open = true; wanted.scrollIntoView({ block: "nearest" }); wanted.querySelector("summary").focus(); }
  } }, inline(text(id))));

  function sentence(one) {
    const word = text(one.label) || (typeof one.support === "number" ? "support" : "not checked"), known = typeof one.support === "number";
    const meter = el("span", { class: "meter", "aria-hidden": "true" });
    meter.style.width = Math.round(60 * Math.max(0, Math.min(1, known ? one.support : 0))) + "px";
    return el("div", { class: "sentence is-" + kindOf(word) }, el("div", { class: "said" }, el("p", {}, inline(text(one.text))),
      el("p", { class: "note" }, verdict(word), known ? [" ", meter, ` ${number(one.support)}`] : null)),
      el("div", { class: "because" }, one.evidence ? el("blockquote", {}, inline(text(one.evidence))) : el("p", { class: "soft" }, "no evidence"),
        one.reason ? el("p", { class: "note" }, inline(text(one.reason))) : null,
        list(one.contexts).length ? el("p", { class: "note" }, "from ", ids(one.contexts)) : null));
  }

  const sentences = (name, all) => el("section", { class: "evidence" }, el("h4", {}, "The answer's sentences and their evidence: ", inline(name)),
    el("div", { class: "sentence head", "aria-hidden": "true" }, el("div", {}, "answer"), el("div", {}, "evidence")), all.map(sentence));

  function claim(one) {
    const place = Number.isInteger(one.sentence) && one.sentence >= 0 ? el("span", { class: "note" }, ` sentence ${one.sentence + 1}`) : null;
    return el("tr", {}, el("td", {}, verdict(text(one.verdict) || "not checked")), el("th", { scope: "row" }, inline(text(one.text)), place),
      el("td", {}, list(one.contexts).length ? ids(one.contexts) : "–"), el("td", {}, inline([[text(one.kind), text(one.reason)].filter(Boolean).join(": "), shared(one, "in_reference", "reference"), shared(one, "in_answer", "answer")].filter(Boolean).join("; "))));
  }
  const shared = (one, key, whole) => typeof one[key] === "boolean" ? (one[key] ? "also in the " : "not in the ") + whole : "";
  function claims(name, all, scores, of) {
    const head = el("thead", {}, el("tr", {}, ["verdict", "claim", "contexts", "why"].map((word) => el("th", { scope: "col" }, word))));
    return el("section", { class: "evidence" }, el("h4", {}, `${all.length} ${all.length === 1 ? "claim" : "claims"}${of || ""}: `, inline(name)),
      el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of claims" }, el("table", { class: "claims" }, head, el("tbody", {}, all.map(claim)))));
  }

  function diagnosis(name, one) {
    const gold = new Set(list(one.gold_positions)), of = Math.min(200, Number(one.of) || 0);
    const cells = Array.from({ length: of }, (_, place) => el("span", { class: "place" + (gold.has(place + 1) ? " gold" : "") }, gold.has(place + 1) ? "★" : "·"));
    return el("section", { class: "evidence" }, el("h4", {}, "Diagnosis: ", inline(name)), el("p", {}, one.cause ? ["failed in ", el("strong", {}, inline(text(one.cause)))] : "no failure",
      of ? [" · ", el("span", { class: "places", "aria-hidden": "true" }, cells), ` what was needed was at ${gold.size ? [...gold].join(", ") : "none"} of ${of}`] : null));
  }

  function contexts(data) {
    const wanted = new Set(list(data.references).map((one) => text(one && one.id)));
    return el("section", { class: "evidence" }, el("h4", {}, `Contexts, best first (${data.contexts.length})`), data.contexts.map((one, place) => {
      const holds = wanted.has(text(one.id)) || wanted.has(text(one.document)) || list(one.holds).length > 0;
      const made = el("details", { class: "context" }, el("summary", {}, el("strong", {}, `#${one.rank ?? place + 1} `), el("code", {}, inline(text(one.id))),
        typeof one.score === "number" ? el("span", { class: "note" }, ` score ${number(one.score)}`) : null, holds ? el("span", { class: "tag" }, "★ wanted") : null), block(text(one.text)));
      made.dataset.context = text(one.id);
      made.open = data.contexts.length <= 3;
      return made;
    }));
  }

  /* ---- programs */
  function program(one) {
    const word = text(one.outcome) || "not run", said = [["stdout", one.stdout], ["stderr", one.stderr]].filter(([, words]) => words);
    return el("div", { class: "program is-" + kindOf(word) }, el("p", {}, verdict(word), " ", inline(text(one.test)), typeof one.seconds === "number" ? el("span", { class: "note" }, ` ${number(one.seconds)} s`) : null),
      one.message ? el("p", {}, inline(text(one.message))) : null,
      said.map(([name, words]) => el("div", {}, el("p", { class: "role" }, name), block(text(words)))));
  }
  const programs = (name, all) => el("section", { class: "evidence" }, el("h4", {}, "Programs: ", inline(name)), all.map(program));

  const referenceClaims = (name, all, scores) => claims(name, all, scores, " of the reference");
  const KNOWN = { transcript, sentences, claims, programs, reference_claims: referenceClaims };
  const rows = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => one && typeof one === "object" && !Array.isArray(one));

  /* Sections for all scores; what has another shape is shown as the JSON that it is. */
  function of(scores) {
    const made = [];
    for (const [name, , , , , details] of scores) {
      const rest = {};
      for (const [key, value] of Object.entries(details || {})) {
        if (KNOWN[key] && rows(value)) made.push(KNOWN[key](name, value, scores));
        else if (key === "diagnosis" && value && typeof value === "object" && !Array.isArray(value)) made.push(diagnosis(name, value));
        else if (!Array.isArray(value) || value.length) rest[key] = value;
      }
      if (Object.keys(rest).length) made.push(el("details", { class: "evidence" }, el("summary", {}, "Further details of ", inline(name)), block(JSON.stringify(rest, null, 2))));
    }
    return made;
  }

  return { of, contexts: (data) => rows(data.contexts) ? contexts(data) : null };
})();
