/* Charts under the pointer: what a mark says, at once; and a range that is drawn over a histogram filters the samples. */
(() => {
  const { el } = kit;
  const tip = el("div", { class: "tip", role: "presentation", hidden: "" });
  document.body.append(tip);
  const title = (target) => { const mark = target.closest?.(".chart rect, .chart circle, .chart line, svg.chart"); return mark && mark.querySelector(":scope > title"); };

  /* The words of a mark's own title, before the browser's tooltip comes. */
  document.addEventListener("pointerover", (event) => {
    const found = title(event.target);
    tip.hidden = !found;
    if (!found) return;
    tip.textContent = found.textContent;
  });
  document.addEventListener("pointermove", (event) => {
    if (tip.hidden) return;
    tip.style.left = Math.max(4, Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 4)) + "px";
    tip.style.top = (event.clientY + tip.offsetHeight + 24 < innerHeight ? event.clientY + 16 : event.clientY - tip.offsetHeight - 8) + "px";
  });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  /* A brush: from the bar where the pointer went down to the one where it came up, both with them. */
  let from = null;
  const bar = (target) => target.closest?.(".histogram a, .reliability a");
  const range = (one) => { const parts = new URLSearchParams(one.getAttribute("href").slice(1)), name = ["seconds", "sure"].find((key) => parts.has(key)); return { parts, name, ends: parts.get(name).split("..").map(Number) }; };
  const near = (chart, x) => [...chart.querySelectorAll("a")].reduce((best, one) => { const box = one.getBoundingClientRect(), gap = Math.abs((box.left + box.right) / 2 - x); return !best || gap < best.gap ? { one, gap } : best; }, null).one;
  document.addEventListener("pointerdown", (event) => { const chart = event.target.closest?.(".histogram, .reliability"); from = chart && bar(chart.querySelector("a")) ? { chart, x: event.clientX } : null; if (from) event.preventDefault(); });
  document.addEventListener("pointerup", (event) => {
    if (!from || Math.abs(event.clientX - from.x) < 6) return;
    const [first, last] = [near(from.chart, Math.min(from.x, event.clientX)), near(from.chart, Math.max(from.x, event.clientX))].map(range);
    from = null;
    first.parts.set(first.name, `${first.ends[0]}..${last.ends[1]}`);
    location.hash = "#" + first.parts;
  });
})();
