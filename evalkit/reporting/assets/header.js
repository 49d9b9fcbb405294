/* What stays in view over a sample: the question, what was expected and got, why it counts as it does, and what can be
   done with it. */
kit.header = (() => {
  const { el, inline } = kit;
  const MOST = 300;
  const short = (text) => { const whole = kit.plain(text).replace(/\[image (?:[^\]]* )?[0-9a-f]{16}\]/g, "[image]"); return inline(whole.length > MOST ? whole.slice(0, MOST - 1) + "…" : whole); };

  /* `terms`: [name, text] pairs; `copies`: [name, word, text to copy]. */
  function header(title, place, terms, copies) {
    const act = (name, word, what, off) => { const made = el("button", { type: "button", "data-act": name, onclick: what }, word); made.disabled = Boolean(off); return made; };
    return el("header", { class: "stays" },
      el("div", { class: "bar" }, el("h3", {}, inline(title)), el("span", { class: "note" }, place.at >= 0 ? `${(place.at + 1).toLocaleString("en")} of ${place.of.toLocaleString("en")}` : ""),
        el("span", { class: "acts" }, act("before", "‹ previous", () => place.step(-1), place.at <= 0), act("after", "next ›", () => place.step(1), place.at + 1 >= place.of))),
      el("dl", {}, terms.filter(([, text]) => text).flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, short(text))])),
      el("p", { class: "acts" }, act("link", "copy link", (event) => kit.copy(location.href, event.target)),
        copies.map(([name, word, text]) => act(name, word, (event) => kit.copy(text(), event.target)))));
  }
  /* What was expected of a sample: its targets, else the right choices. */
  header.expected = (one) => one.targets ? one.targets.join(" | ") : (one.gold || []).map((place) => (one.choices || [])[place]).join(" | ");
  return header;
})();
/* A word of a command as a shell takes it. */
kit.quoted = (text) => /^[\w./:@%+=,-]+$/.test(text) ? text : `'${String(text).replace(/'/g, "'\\''")}'`;
