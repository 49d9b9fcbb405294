/* Two texts with the words that only one has marked: the longest common subsequence of words and gaps. */
kit.difference = (() => {
  const { el, inline, block } = kit;
  const MOST_CELLS = 16e6;

  return function difference(one, other) {
    const a = one.match(/\s+|[^\s]+/g) || [], b = other.match(/\s+|[^\s]+/g) || [];
    let start = 0, end = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
    if (x.length * y.length > MOST_CELLS || one.length + other.length > 400000) return [block(one), block(other), "Too long to mark the words that differ: the two are shown as they are."];
    const wide = y.length + 1, best = new Uint16Array((x.length + 1) * wide);
    for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--)
      best[i * wide + j] = x[i] === y[j] ? best[(i + 1) * wide + j + 1] + 1 : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    const left = [], right = [];
    const add = (to, same, words) => { const last = to[to.length - 1]; if (last && last[0] === same) last[1] += words; else to.push([same, words]); };
    add(left, true, a.slice(0, start).join("")); add(right, true, b.slice(0, start).join(""));
    let i = 0, j = 0;
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) { add(left, true, x[i++]); add(right, true, y[j++]); }
      else if (j >= y.length || (i < x.length && best[(i + 1) * wide + j] >= best[i * wide + j + 1])) add(left, false, x[i++]);
      else add(right, false, y[j++]);
    }
    add(left, true, a.slice(a.length - end).join("")); add(right, true, b.slice(b.length - end).join(""));
    const pre = (parts, mark) => el("pre", { tabindex: "0" }, parts.filter(([, words]) => words).map(([same, words]) => same ? el("span", {}, inline(words)) : el(mark, {}, inline(words))));
    return [pre(left, "del"), pre(right, "ins"), ""];
  };
})();
