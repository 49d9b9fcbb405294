/* Several models on one question, next to each other: what each replied, its score and why. */
kit.sides = (() => {
  const { el, inline, block, number } = kit;
  const SIGNS = { right: ["✓", "good"], wrong: ["✗", "bad"], part: ["≈", "soft"], none: ["·", "soft"], failed: ["!", "bad"] };

  /* The sign of a value: right, wrong, in part, none, not measured. */
  const sign = (value, failed, [worst, best] = [0, 1]) => { const [text, kind] = SIGNS[failed ? "failed" : value === null ? "none" : value === best ? "right" : value === worst ? "wrong" : "part"]; return el("span", { class: `sign ${kind}` }, text); };
  const said = (one) => (one.replies || []).filter((reply) => reply.role !== "tool").flatMap((reply) => reply.texts || []);

  /* `side`: { name, value, failed, ended, one, body, go }. `body` takes the place of the reply as it was written. */
  function side({ name, value, failed, ended, one, body, go, span }) {
    const texts = one ? said(one) : [];
    return el("div", { class: "side" }, el("p", {}, sign(value, failed, span), " ", go ? el("button", { type: "button", class: "link", onclick: go }, ...[inline(name)].flat()) : el("strong", {}, inline(name)), ` ${failed ? ended : number(value)}`),
      one && one.scores ? el("p", { class: "note" }, inline(kit.reason(one, one.scores[0]))) : null,
      body || (texts.length ? block(texts[texts.length - 1]) : el("p", { class: "note" }, one && one.failure ? inline(one.failure[2]) : "no text")));
  }
  const sides = (all) => el("div", { class: "sides" }, all.map(side));
  return Object.assign(sides, { sign, said });
})();
