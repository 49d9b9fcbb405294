/* Why a sample has its score, in words: what the scorer said, else what the numbers and texts show. */
kit.reason = (() => {
  const share = (value) => `${Math.round(100 * value)}%`;
  const flat = (text) => String(text).toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  const words = (text) => flat(text).split(" ").filter(Boolean);
  const quoted = (text) => { const whole = String(text).replace(/\s+/g, " ").trim(); return `“${whole.length > 120 ? whole.slice(0, 119) + "…" : whole}”`; };
  const amount = (text) => /^[-+]?[\d,]*\.?\d+$/.test(String(text).trim()) ? Number(String(text).replace(/,/g, "")) : NaN;

  /* The log-likelihoods of a sample's choices: one request over all of them, or one for each. */
  function likelihoods(one) {
    const replies = one.replies || [], choices = one.choices || [];
    const single = replies.length === choices.length && replies.every((reply) => (reply.loglikelihoods || []).length === 1);
    const values = single ? replies.map((reply) => reply.loglikelihoods[0]) : (replies[0] || {}).loglikelihoods || [];
    return choices.length && values.length === choices.length ? values : null;
  }
  /* Their shares of the probability of all choices. */
  function shares(values) {
    const best = Math.max(...values), mass = values.reduce((sum, v) => sum + Math.exp(v - best), 0);
    return values.map((v) => Math.exp(v - best) / mass);
  }
  function chosen(one, values) {
    const parts = shares(values), order = parts.map((_, place) => place).sort((a, b) => parts[b] - parts[a]), [first, second] = order;
    const gold = one.gold || [], right = gold.includes(first), told = `chose ${quoted(one.choices[first])} with ${share(parts[first])}`;
    if (right || !gold.length) return second === undefined ? told : `${told}; the next, ${quoted(one.choices[second])}, has ${share(parts[second])}`;
    const best = gold.reduce((a, b) => parts[a] >= parts[b] ? a : b), less = Math.round(100 * (parts[first] - parts[best]));
    return `${told}; the right one, ${quoted(one.choices[best])}, has ${share(parts[best])}, ${less} ${less === 1 ? "point" : "points"} less`;
  }
  /* How an answer differs from the nearest of what was expected. */
  function differs(answer, targets, value) {
    const said = String(answer), numbers = targets.map(amount), mine = amount(said);
    if (!said.trim()) return `no answer where ${quoted(targets[0])} was expected`;
    if (!Number.isNaN(mine) && numbers.some((n) => !Number.isNaN(n))) {
      const near = numbers.filter((n) => !Number.isNaN(n)).reduce((a, b) => Math.abs(a - mine) <= Math.abs(b - mine) ? a : b), gap = mine - near;
      return gap === 0 ? `${said} is the number expected, written in another way` : `${said} is ${kit.number(Math.abs(gap))} ${gap > 0 ? "more" : "less"} than ${near}`;
    }
    const same = targets.find((one) => flat(one) === flat(said));
    if (same !== undefined) return same.toLowerCase() === said.toLowerCase() ? `differs from ${quoted(same)} in capitals alone` : `differs from ${quoted(same)} in blanks, capitals or punctuation alone`;
    const own = words(said), common = (one) => words(one).filter((word) => own.includes(word)).length, nearest = targets.reduce((a, b) => common(a) >= common(b) ? a : b), wanted = words(nearest);
    if (value > 0 && wanted.length) return `${common(nearest)} of the ${wanted.length} words of ${quoted(nearest)}, and ${own.filter((word) => !wanted.includes(word)).length} others`;
    if (wanted.length && flat(said).includes(flat(nearest))) return `has ${quoted(nearest)} with more around it: ${quoted(said)}`;
    if (flat(said) && flat(nearest).includes(flat(said))) return `${quoted(said)} is only part of ${quoted(nearest)}`;
    return `${quoted(said)} is not what was expected, ${quoted(nearest)}`;
  }

  /* A score of 1: the answer is a target, or counts as one; or it is no answer to the question at all. */
  function right(one, answer) {
    if (!one.targets || answer === null || answer === undefined || one.targets.includes(answer)) return "as expected";
    const near = one.targets.some((target) => amount(target) === amount(answer) || words(target).some((word) => words(answer).includes(word)));
    return near ? `${quoted(answer)} counts as what was expected` : `1 for ${quoted(answer)}`;
  }
  function reason(one, score) {
    if (one.failure) return `failed in ${kit.stages[one.failure[0]] || one.failure[0]}: ${one.failure[2] || one.failure[1]}`;
    if (!score) return "no score";
    const [, value, answer, told] = score, values = likelihoods(one);
    if (values && value !== null && (value === 0 || value === 1)) return chosen(one, values);
    if (told) return told;
    if (value === 1) return right(one, answer);
    if (one.targets && answer !== null && answer !== undefined && value !== null && value < 1) return differs(answer, one.targets, value);
    return value === null ? "no value" : `score ${kit.number(value)}`;
  }
  kit.stages = { model: "asking the model", score: "scoring", data: "reading its row", prompt: "making its prompt" };
  return Object.assign(reason, { likelihoods, shares });
})();
