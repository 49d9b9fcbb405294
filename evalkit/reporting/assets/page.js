"use strict";
/* What all pages share: elements from text, hidden characters made visible, shards decoded, the theme. */
const kit = (() => {
  const ANSI = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b[ -/]*[0-Z\\^-~]/g;
  const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{d800}-\u{dfff}\u{e0000}-\u{e007f}]/gu;
  const LONGEST = 20000;

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

  /* The value in a script element that holds base64 of zlib of JSON. */
  async function unpack(element) {
    const bytes = Uint8Array.from(atob(JSON.parse(element.textContent)), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
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

  function theme() {
    const button = document.getElementById("theme"), root = document.documentElement;
    const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    const label = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
    button.hidden = false; label();
    button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  }
  theme();
  return { el, shown, inline, plain, block, unpack, json, save, csv };
})();
