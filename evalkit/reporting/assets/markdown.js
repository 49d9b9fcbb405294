/* Markdown as elements, for replies that are looked at. It makes a few elements of text nodes and nothing else: no
   HTML, no links that can be followed, no images; what it does not know stays as it is written. */
kit.markdown = (() => {
  const { el, shown } = kit;
  const INLINE = /(`+)([^`]+)\1|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|\[([^\]]*)\]\(([^)\s]*)\)/g;

  function inline(text) {
    const made = [];
    let last = 0;
    for (const found of text.matchAll(INLINE)) {
      made.push(...shown(text.slice(last, found.index)));
      const [whole, , code, strong, bold, soft, words, target] = found;
      if (code !== undefined) made.push(el("code", {}, shown(code)));
      else if (strong !== undefined || bold !== undefined) made.push(el("strong", {}, shown(strong ?? bold)));
      else if (soft !== undefined) made.push(el("em", {}, shown(soft)));
      else made.push(...shown(`${words} (${target})`));
      last = found.index + whole.length;
    }
    return [...made, ...shown(text.slice(last))];
  }
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());

  /* Blocks: the first rule that takes the next lines makes an element of them. */
  const RULES = [
    (lines) => { const fence = /^\s*(```+|~~~+)/.exec(lines[0]); if (!fence) return null;
      let end = 1; while (end < lines.length && !lines[end].trim().startsWith(fence[1])) end++;
      return [Math.min(lines.length, end + 1), el("pre", { tabindex: "0" }, shown(lines.slice(1, end).join("\n")))]; },
    (lines) => { const head = /^(#{1,6})\s+(.*)$/.exec(lines[0]); return head && [1, el("p", { class: "md-head" }, inline(head[2]))]; },
    (lines) => /^\s*([-*_])(\s*\1){2,}\s*$/.test(lines[0]) ? [1, el("hr")] : null,
    (lines) => { if (!(lines[0].includes("|") && /^\s*\|?[\s:|-]*-[\s:|-]*$/.test(lines[1] || "") && lines[1].includes("|"))) return null;
      let end = 2; while (end < lines.length && lines[end].includes("|")) end++;
      return [end, el("table", {}, el("thead", {}, el("tr", {}, cells(lines[0]).map((cell) => el("th", { scope: "col" }, inline(cell))))),
        el("tbody", {}, lines.slice(2, end).map((line) => el("tr", {}, cells(line).map((cell) => el("td", {}, inline(cell)))))))]; },
    (lines) => { const quoted = /^\s*>/; if (!quoted.test(lines[0])) return null;
      let end = 1; while (end < lines.length && quoted.test(lines[end])) end++;
      return [end, el("blockquote", {}, inline(lines.slice(0, end).map((line) => line.replace(/^\s*>\s?/, "")).join("\n")))]; },
    (lines) => { const mark = /^\s*(?:([-*+])|(\d+)[.)])\s+/, first = mark.exec(lines[0]); if (!first) return null;
      const items = []; let end = 0;
      while (end < lines.length && (mark.test(lines[end]) || (/^\s+\S/.test(lines[end]) && items.length))) {
        if (mark.test(lines[end])) items.push(lines[end].replace(mark, "")); else items[items.length - 1] += "\n" + lines[end].trim();
        end++;
      }
      return [end, el(first[1] ? "ul" : "ol", first[2] ? { start: first[2] } : {}, items.map((item) => el("li", {}, inline(item))))]; },
    (lines) => lines[0].trim() ? null : [1, null],
  ];
  const starts = (lines) => RULES.some((rule) => rule(lines));

  function blocks(text) {
    const made = [];
    let lines = kit.plain(text).split("\n");
    while (lines.length) {
      let taken = null;
      for (const rule of RULES) if ((taken = rule(lines))) break;
      if (!taken) { let end = 1; while (end < lines.length && !starts(lines.slice(end, end + 2))) end++; taken = [end, el("p", {}, inline(lines.slice(0, end).join("\n")))]; }
      if (taken[1]) made.push(taken[1]);
      lines = lines.slice(taken[0]);
    }
    return made;
  }
  const LONGEST = 50000;
  /* Whether a text has anything that would look otherwise. */
  const marked = (text) => text.length <= LONGEST && /^\s*(#{1,6}\s|[-*+]\s|\d+[.)]\s|>|```|\|.*\|)|\*\*[^*]+\*\*|`[^`]+`/m.test(text);
  return { blocks, marked };
})();
