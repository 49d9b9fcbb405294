/* The state is asked for again and again; what it says replaces what is shown. Estimates come ready from the server. */
(() => {
  const { el, shown } = kit, get = (id) => document.getElementById(id), many = (n) => n.toLocaleString("en");
  const svg = (name, properties, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(properties)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const at = (share) => 4 + 172 * Math.min(1, Math.max(0, share));

  function bar(found) {
    if (!found || found.scale !== "proportion") return null;
    const label = `${found.metric}: ${found.text}, 95 % interval ${found.interval}`;
    const range = found.low === null ? [] : [svg("rect", { class: "range", x: at(found.low), y: 6, width: Math.max(1, at(found.high) - at(found.low)), height: 8, rx: 4 })];
    return svg("svg", { class: "chart interval", viewBox: "0 0 180 20", role: "img", "aria-label": label },
      svg("line", { class: "axis", x1: 4, x2: 176, y1: 10, y2: 10 }), ...range, svg("circle", { class: "dot", cx: at(found.value), cy: 10, r: 4 }));
  }
  const axis = () => svg("svg", { class: "chart ticks", viewBox: "0 0 180 20", role: "img", "aria-label": "axis from 0 to 100 %" },
    ...[[4, "start", "0%"], [90, "middle", "50%"], [176, "end", "100%"]].map(([x, anchor, word]) => svg("text", { class: "tick", x, y: 14, "text-anchor": anchor }, word)));
  const meter = (done, total, label) => el("progress", { max: total || 1, value: total ? done : undefined, "aria-label": label });
  const of = (done, total) => total === null || total === undefined ? many(done) : `${many(done)} of ${many(total)}`;

  function score(task) {
    const found = task.estimate;
    if (!found) return [el("td", { class: "n soft", "data-label": "estimate" }, "–"), el("td", { class: "n" }), el("td", {}, task.why_none ? el("span", { class: "so-far" }, shown(`no estimate so far: the task cannot be loaded (${task.why_none})`)) : null)];
    return [el("td", { class: "n", "data-label": "estimate" }, el("strong", {}, found.text), " ", el("span", { class: "so-far" }, task.final ? "" : "so far")), el("td", { class: "n", "data-label": "95 %" }, found.interval), el("td", {}, bar(found))];
  }
  const row = (task) => el("tr", { "data-task": task.task, "data-final": task.final },
    el("th", { scope: "row" }, shown(task.task), task.toy ? el("span", { class: "toy" }, "toy") : null, " ", el("span", { class: "so-far" }, task.estimate ? shown(task.estimate.metric) : "")),
    el("td", { class: "n", "data-label": "samples" }, of(task.done, task.total)), el("td", {}, meter(task.done, task.total, `samples of ${kit.plain(task.task)}`)), score(task),
    el("td", { class: "whole" }, task.endings.length ? el("ul", { class: "endings" }, task.endings.map((one) => el("li", { class: one.failed ? "bad" : "" }, one.what))) : null));

  function tasks(run, number) {
    const head = ["task", "samples", "", "estimate", "95 %", "", "what else became of samples"];
    return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Tasks of run ${number + 1}` }, el("table", { class: "tasks cards" },
      el("thead", {}, el("tr", {}, head.map((name, place) => el("th", { scope: "col", class: [1, 3, 4].includes(place) ? "n" : place === 5 ? "axis-head" : "" }, place === 5 ? axis() : name)))),
      el("tbody", {}, run.tasks.map(row))));
  }
  function failures(run, number) {
    if (!run.failures.length) return null;
    const latest = run.failures.length < run.failed ? `the latest ${many(run.failures.length)} of ${many(run.failed)}` : many(run.failed);
    return el("div", {}, el("h3", {}, `Could not be measured (${latest})`),
      el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Failures of run ${number + 1}` }, el("table", { class: `failures cards ${run.status}` },
        el("thead", {}, el("tr", {}, ["task", "sample", "what happened", "why"].map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, run.failures.map((one) => el("tr", { "data-number": one.number }, el("th", { scope: "row" }, shown(one.task)), el("td", { "data-label": "sample" }, shown(one.sample)), el("td", { "data-label": "what happened" }, one.what), el("td", { class: "why whole" }, shown(one.why))))))));
  }
  function section(run, number) {
    if (!run.model) return el("section", { class: "run" }, el("h2", {}, shown(run.folder)), el("p", {}, run.said));
    const facts = [`${of(run.done, run.total)} samples`, run.left ? `about ${run.left} left` : null, run.cost ? `model ${run.cost}${run.status === "finished" ? "" : " so far"}` : null, run.reading ? "still reading what was there" : null];
    const open = el("a", { href: `report/${number}/report.html`, target: "_blank", rel: "noopener" }, run.status === "finished" ? "The whole report" : "A report on the samples so far");
    return el("section", { class: "run", "data-status": run.status }, el("h2", {}, shown(run.model), el("span", { class: `state ${run.status}` }, run.status)),
      meter(run.done, run.total, "samples of the run"), el("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
      run.status === "running" ? el("p", { class: "note" }, "Estimates are of the samples so far and still move. Do not stop a run because its number looks right: that picks a lucky moment.") : el("p", { class: run.status === "finished" ? "note" : "notice" }, shown(run.said)),
      run.damaged ? el("p", { class: "notice" }, `${many(run.damaged)} lines of its journal could not be read.`) : null, tasks(run, number), failures(run, number),
      el("p", {}, open, el("span", { class: "note" }, " · ", el("code", {}, shown(run.folder)))));
  }

  let last = "";
  function show(state) {
    const text = JSON.stringify(state.runs);
    if (text === last) return;
    last = text;
    const focused = document.activeElement?.getAttribute("aria-label"), scrolled = [...document.querySelectorAll(".wide")].map((one) => one.scrollLeft);
    get("runs").replaceChildren(...state.runs.map(section));
    document.querySelectorAll(".wide").forEach((one, place) => { one.scrollLeft = scrolled[place] || 0; if (focused && one.getAttribute("aria-label") === focused) one.focus({ preventScroll: true }); });
    const done = state.runs.reduce((sum, run) => sum + (run.done || 0), 0), total = state.runs.reduce((sum, run) => sum + (run.total ?? NaN), 0);
    const share = total > 0 ? `${Math.floor(100 * done / total)} % ` : "", words = [...new Set(state.runs.map((run) => run.status))].join(", ");
    document.title = `${share}${words} · evalkit`;
    get("lead").textContent = `${share}${words}`;
  }
  async function ask() {
    let wait = 3000;
    try {
      const answer = await fetch("state.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const state = await answer.json();
      show(state);
      get("lost").hidden = true;
      wait = document.hidden ? 10000 : state.runs.some((run) => run.reading) ? 100 : state.over ? 3000 : 1000;
    } catch { get("lost").hidden = document.querySelectorAll('.run:not([data-status="finished"])').length === 0 && last !== ""; }
    document.documentElement.dataset.ready = "1";
    setTimeout(ask, wait);
  }
  ask();
})();
