"use strict";
/* What all pages share: elements from text, hidden characters made visible, shards decoded, the theme. */
const kit = (() => {
  const ANSI = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]*[0-Z\\^-~]/g;
  const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{d800}-\u{dfff}\u{e0000}-\u{e007f}]/gu;
  const LONGEST = 20000, AHEAD = 4;

  /* An element with properties and children; strings become text nodes, never markup. */
  function el(name, properties, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (value === undefined || value === null) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (key === "class") made.className = value;
      else made.setAttribute(key, value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  }

  const plain = (text) => String(text).replace(/\r\n/g, "\n").replace(ANSI, "");

  /* Text nodes, with every hidden character as a small labelled box. */
  function shown(text) {
    const whole = plain(text), parts = [];
    let last = 0;
    for (const found of whole.matchAll(HIDDEN)) {
      if (found.index > last) parts.push(document.createTextNode(whole.slice(last, found.index)));
      const code = "U+" + found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      parts.push(el("span", { class: "hidden-char", title: "hidden character " + code }, code));
      last = found.index + found[0].length;
    }
    if (last < whole.length) parts.push(document.createTextNode(whole.slice(last)));
    return parts;
  }

  /* A block of text; a very long one begins with its first part and a button that shows the rest. */
  function block(text) {
    const whole = String(text), pre = el("pre", { tabindex: "0" });
    if (whole.length <= LONGEST) { pre.append(...shown(whole)); return pre; }
    pre.append(...shown(whole.slice(0, LONGEST)));
    const more = el("button", { type: "button", onclick: () => { pre.replaceChildren(...shown(whole)); more.remove(); } },
      `Show all ${whole.length.toLocaleString("en")} characters (these are the first ${LONGEST.toLocaleString("en")})`);
    return el("div", {}, pre, more);
  }

  /* The same within a line: only the beginning of what is longer than a page, and a button for the rest. */
  function inline(text) {
    const whole = String(text);
    if (whole.length <= 2000) return shown(whole);
    const part = el("span", {}, shown(whole.slice(0, 2000)));
    const more = el("button", { type: "button", class: "link", onclick: () => { part.replaceChildren(...shown(whole)); more.remove(); } },
      `… show all ${whole.length.toLocaleString("en")} characters`);
    return [part, more];
  }

  /* The bytes of base64; the loop is several times as fast as a function called for every sign. */
  function bytes(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const signs = atob(text), found = new Uint8Array(signs.length);
    for (let place = 0; place < signs.length; place++) found[place] = signs.charCodeAt(place);
    return found;
  }

  /* The value in a script element that holds base64 of zlib of JSON. */
  async function unpack(element) {
    const stream = new Blob([bytes(element.textContent.slice(1, -1))]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  const json = (id) => JSON.parse(document.getElementById(id).textContent);

  function save(name, type, text) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = el("a", { href: url, download: name });
    document.body.append(link); link.click(); link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  /* A cell of CSV: quoted where needed; what a spreadsheet would take for a formula begins with an apostrophe. */
  function cell(value) {
    let text = value === null || value === undefined ? "" : String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  const csv = (rows) => rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";

  /* A listbox that holds elements for what is in view only. `item(row, place)` fills one, `open(row)` shows it,
     `moved()` is told when a person chose, `enter()` when Enter was pressed. */
  const HEIGHT = 58, MOST = 500000;
  function listbox({ box, space, item, open, moved, enter }) {
    let rows = [], chosen = -1, waiting = 0;
    const length = () => Math.min(rows.length, MOST);
    function draw() {
      const first = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - 6);
      const last = Math.min(length(), Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + 6);
      const items = [];
      for (let place = first; place < last; place++) {
        const made = el("div", { class: "item", role: "option", id: "item-" + place, "aria-selected": String(place === chosen),
          "aria-setsize": rows.length, "aria-posinset": place + 1, onclick: () => choose(place, true) }, item(rows[place]));
        made.style.top = place * HEIGHT + "px";
        items.push(made);
      }
      space.replaceChildren(...items);
      if (chosen >= first && chosen < last) box.setAttribute("aria-activedescendant", "item-" + chosen);
      else box.removeAttribute("aria-activedescendant");
    }
    function choose(place, told) {
      if (!rows.length) return;
      chosen = Math.max(0, Math.min(length() - 1, place));
      const top = chosen * HEIGHT;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + HEIGHT - box.clientHeight;
      draw();
      open(rows[chosen]);
      if (told) moved();
    }
    function show(found, keep) {
      rows = found;
      space.style.height = length() * HEIGHT + "px";
      chosen = keep ? rows.indexOf(keep) : -1;
      if (!keep) box.scrollTop = 0;
      draw();
    }
    box.addEventListener("scroll", () => { if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; draw(); }); });
    new ResizeObserver(draw).observe(box);
    box.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const page = Math.max(1, Math.floor(box.clientHeight / HEIGHT) - 1);
      const go = { ArrowDown: chosen + 1, j: chosen + 1, ArrowUp: chosen - 1, k: chosen - 1, PageDown: chosen + page,
        PageUp: chosen - page, Home: 0, End: rows.length - 1 }[event.key];
      if (go !== undefined) { event.preventDefault(); choose(go, true); }
      else if (event.key === "Enter") { event.preventDefault(); if (chosen < 0) choose(0, true); enter(); }
    });
    return { show, choose, row: () => rows[chosen] };
  }

  /* The blocks of this page: all rows of its index, details by shard (the last few stay decoded), and where the
     details of further samples are. `meta.parts`: the number of each part's first shard; `meta.part`: which this is. */
  async function shards(meta, say) {
    const found = { index: [], details: [] }, kept = new Map(), starts = meta.parts, rows = [];
    for (const element of document.querySelectorAll("script[data-shard]")) found[element.dataset.shard].push(element);
    const ahead = found.index.slice(0, AHEAD).map(unpack);
    for (let place = 0; place < found.index.length; place++) {
      if (place + AHEAD < found.index.length) ahead.push(unpack(found.index[place + AHEAD]));
      for (const row of await ahead[place]) rows.push(row);
      found.index[place].remove();
      ahead[place] = null;
      if (place % 5 === 4) { say(`reading… ${rows.length.toLocaleString("en")} samples`); await new Promise((done) => setTimeout(done)); }
    }
    const partOf = (shard) => { let part = starts.length - 1; while (shard < starts[part]) part--; return part; };
    const here = (shard) => shard >= 0 && partOf(shard) === meta.part;
    const file = (part) => "./" + encodeURIComponent(meta.name + (part ? `-${part + 1}` : "")) + ".html";
    async function get(shard, keep) {
      if (kept.has(shard)) return kept.get(shard);
      const all = await unpack(found.details[shard - starts[meta.part]]);
      if (keep) { kept.set(shard, all); if (kept.size > 8) kept.delete(kept.keys().next().value); }
      return all;
    }
    return { rows, get, here, partOf, file };
  }

  /* What is shown for details that this page lacks: a link to the page that has them, or why none has. */
  function elsewhere(found, shard, hash, otherwise) {
    if (shard < 0) return el("div", { class: "notice" }, el("p", {}, "The details of this sample are beyond this file's size budget. ", otherwise));
    const part = found.partOf(shard);
    return el("div", { class: "notice elsewhere" }, el("p", {}, "The details of this sample are in ", el("a", { href: found.file(part) + hash }, `part ${part + 1} of this report`), `, a file next to this one.`));
  }

  /* A number as core/formatting.py writes it in tables: a proportion as a percentage, others with four digits. */
  const number = (value, scale) => value === null || value === undefined ? "–"
    : scale === "proportion" ? `${(100 * value).toFixed(1)}%` : String(Number(Number(value).toPrecision(4)));

  /* US dollars; cents below one, with as many digits as a small sum needs (core/formatting.py: money). */
  function money(value) {
    if (value === null || value === undefined) return "–";
    if (value >= 1 || value === 0) return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
    return value >= 0.01 ? `$${Number(value.toPrecision(3))}` : `${(100 * value).toFixed(Math.min(20, 1 - Math.floor(Math.log10(100 * value))))} ¢`;
  }

  /* To the clipboard; a page on a disk may not use the newer way. The button says that it is done. */
  function copy(text, button) {
    const area = el("textarea", { "aria-hidden": "true", class: "visually-hidden" });
    area.value = text;
    document.body.append(area); area.select();
    const done = document.execCommand("copy");
    area.remove(); button.focus();
    const word = button.textContent;
    button.textContent = done ? "copied" : "not allowed";
    setTimeout(() => { button.textContent = word; }, 1200);
  }

  function theme() {
    const button = document.getElementById("theme"), root = document.documentElement;
    const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const label = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
    button.hidden = false; label();
    button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  }
  theme();
  return { el, shown, inline, plain, block, unpack, json, save, csv, listbox, shards, elsewhere, number, money, copy, MOST };
})();
