/* What every page must keep: a function that runs in the page and returns what is wrong, in words.
   Run by tests/support/browser.py. Contrast follows WCAG 2.2 AA (4.5, or 3 for large text), names and labels its 4.1.2
   and 3.3.2, the size of targets its 2.5.8 (24 px; links inside a sentence are excepted, as there). */
() => {
  const wrong = [];
  const isSeen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getClientRects().length;
  const name = (e) => `<${e.tagName.toLowerCase()} ${e.className || e.name || ""}> ${(e.innerText || e.value || "").slice(0, 40)}`;

  if (document.documentElement.scrollWidth > window.innerWidth) {
    wrong.push(`wider than the window: ${document.documentElement.scrollWidth} > ${window.innerWidth}`);
  }
  if (document.documentElement.lang !== "en") wrong.push("no language");
  if (document.querySelectorAll("h1").length !== 1) wrong.push(`${document.querySelectorAll("h1").length} h1`);
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  if (!/\S · \S/.test(document.title)) wrong.push(`title: ${document.title}`);
  for (const e of document.querySelectorAll("[style], style, script:not([src])")) wrong.push(`inline: ${name(e)}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) wrong.push(`id twice: ${id}`);
  for (const e of document.querySelectorAll("[aria-labelledby]")) {
    if (!document.getElementById(e.getAttribute("aria-labelledby"))) wrong.push(`label of nothing: ${name(e)}`);
  }
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (![...e.labels].some((label) => label.innerText.trim() || label.textContent.trim())) wrong.push(`no label: ${name(e)}`);
  }
  for (const e of document.querySelectorAll("a[href], button, summary")) {
    if (!(e.textContent.trim() || e.getAttribute("aria-label"))) wrong.push(`no name: ${name(e)}`);
    const box = e.getBoundingClientRect();
    const isInText = e.matches("a") && getComputedStyle(e).display === "inline";
    if (isSeen(e) && !isInText && !e.matches(".skip") && Math.min(box.width, box.height) < 24) {
      wrong.push(`too small to tap (${Math.round(box.width)} x ${Math.round(box.height)}): ${name(e)}`);
    }
  }

  const parse = (colour) => {
    const parts = colour.match(/[\d.]+/g).map(Number);
    return { r: parts[0], g: parts[1], b: parts[2], a: parts.length > 3 ? parts[3] : 1 };
  };
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.a > 0.99) return colour;
    }
    return { r: 255, g: 255, b: 255 };
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || e.matches("script, style, option") || !isSeen(e) || e.closest(".unseen, .skip")) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parse(style.color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) wrong.push(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
  }
  return wrong;
}
