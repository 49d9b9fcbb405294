/* A conversation with its true roles: who said what, in the order in which it was said. */
kit.conversation = (() => {
  const { el, inline, block, number } = kit;
  const ROLES = /^(system|user|assistant|tool|judge|sandbox)$/, MARK = /\[image (?:[^\]]* )?([0-9a-f]{16})\]/g;

  /* Text with the thumbnails of its images where their marks stand. */
  function pictured(text, images) {
    const made = [], whole = String(text);
    let last = 0;
    for (const found of whole.matchAll(MARK)) {
      const source = images && images[found[1]];
      if (!source || !/^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/.test(source)) continue;
      if (whole.slice(last, found.index).trim()) made.push(block(whole.slice(last, found.index)));
      made.push(el("img", { src: source, alt: kit.plain(found[0]).slice(1, -1), class: "thumb", loading: "lazy" }));
      last = found.index + found[0].length;
    }
    if (whole.slice(last).trim() || !made.length) made.push(block(whole.slice(last).replace(made.length ? /^\n/ : /^$/, "")));
    return made;
  }

  /* One message. A reply with marks of Markdown has a button that shows it as such, and back. */
  function message(role, text, images) {
    const body = el("div", { class: "body" }, pictured(text, images)), head = el("p", { class: "role" }, inline(role));
    if (/^(assistant|judge)$/.test(role) && kit.markdown.marked(String(text))) {
      const button = el("button", { type: "button", class: "link", "aria-pressed": "false", onclick: () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(on));
        body.classList.toggle("markdown", on);
        body.replaceChildren(...(on ? kit.markdown.blocks(text) : pictured(text, images)));
      } }, "Markdown");
      head.append(" ", button);
    }
    return el("div", { class: "message " + (ROLES.test(role) ? role : "") }, head, body);
  }

  /* Description and examples are folded: the question is what is asked of this sample. */
  function prompt(one) {
    const said = one.messages || [], images = one.images, shots = one.shots || 0;
    if (one.preamble && said.length === 1) {
      const [role, text] = said[0];
      return [el("details", {}, el("summary", {}, `Before the question: description and examples, ${one.preamble.toLocaleString("en")} characters`), message(role, text.slice(0, one.preamble), images)), message(role, text.slice(one.preamble), images)];
    }
    const folded = said.slice(0, shots), rest = said.slice(shots);
    const made = folded.length ? [el("details", {}, el("summary", {}, `Before the question: description and examples, ${folded.length} ${folded.length === 1 ? "message" : "messages"}`), folded.map(([role, text]) => message(role, text, images)))] : [];
    return [...made, ...rest.map(([role, text]) => message(role, text, images))];
  }

  function reply(one, place, many, chosen, images) {
    const name = many > 1 ? ` ${place + 1}` : "", made = place ? (one.sent || []).map(([role, text]) => message(role, text, images)) : [];
    if (one.role === "tool") return [...made, ...one.texts.map((text) => message("tool", text, images))];
    (one.reasoning || []).forEach((text) => { if (text) made.push(el("details", {}, el("summary", {}, `Thought${name}, ${text.length.toLocaleString("en")} characters`), block(text))); });
    const texts = one.texts || [], ends = one.finish || [];
    texts.forEach((text, number) => made.push(el("p", { class: "role" }, `Completion${name}${texts.length > 1 ? ` (${number + 1} of ${texts.length})` : ""}`), message("assistant", text, images),
      el("p", { class: "note" }, inline(told(one, ends[number])))));
    (one.cut || []).forEach((text) => { if (text) made.push(el("details", {}, el("summary", {}, `Cut at a stop string${name}`), block(text))); });
    (one.calls || []).forEach((calls) => calls.forEach(([tool, args]) => made.push(el("div", { class: "message assistant" }, el("p", { class: "role" }, "assistant calls a tool"), block(`${tool}(${args})`)))));
    if (one.loglikelihoods && !chosen) made.push(el("h4", {}, `Log-likelihoods${name}`), block(one.loglikelihoods.map((value) => number(value)).join("  ")));
    for (const note of one.notes || []) made.push(el("p", { class: "note" }, inline(kit.says[note] || note)));
    if (one.truncated) made.push(el("p", { class: "note" }, `${one.truncated} tokens of the prompt were cut`));
    return made;
  }
  const spent = (one) => (one.tokens || []).some(Boolean);
  const ENDS = { stop: "ended at a stop string", eos: "ended by the model", length: "cut at the limit", refused: "withheld by the server", tool: "ended with a call", unknown: "ended for a reason that is not known" };
  const told = (one, end) => [ENDS[end] || (end ? `ended: ${end}` : ""), spent(one) ? `${one.tokens.join(" + ")} tokens${one.thought ? ` (${one.thought} of them thought)` : ""}` : "",
    one.seconds ? `${number(one.seconds)} s` : "", one.source === "cache" ? "from the cache" : ""].filter(Boolean).join(" · ");

  /* What a method took out of the last message as the answer is no message by itself. */
  const repeated = (replies, place) => { const one = replies[place], before = replies[place - 1]; return place > 0 && !one.seconds && !spent(one) && (one.texts || []).length === 1 && one.role !== "tool" && ((before || {}).texts || []).some((text) => text.includes(one.texts[0])); };
  const replies = (one) => { const all = one.replies || []; return all.flatMap((each, place) => repeated(all, place) ? [el("p", { class: "note" }, "read as the answer: ", inline(each.texts[0]))] : reply(each, place, all.length, Boolean(one.choices), one.images)); };
  return { message, prompt, replies };
})();
