/* Makes the incident room live: new timeline lines appear as they are recorded; a changed incident reloads its cards.
   Without this script the page is complete, only not live. Text is inserted as text, never as HTML. */
(() => {
  const list = document.querySelector("[data-timeline]");
  if (!list || !window.EventSource) return;
  const state = document.querySelector("[data-live]");
  const say = (text) => { if (state) state.textContent = text; };
  const source = new EventSource(list.dataset.events + "?after=" + (list.dataset.last || 0), { withCredentials: true });

  const element = (name, text, cls) => {
    const node = document.createElement(name);
    if (text) node.textContent = text;
    if (cls) node.className = cls;
    return node;
  };
  const clock = (iso) => new Date(iso).toISOString().slice(11, 19);

  const add = (entry) => {
    if (document.getElementById("e" + entry.seq)) return;
    const item = element("li", "", "fresh k-" + entry.kind);
    item.id = "e" + entry.seq;
    item.dataset.at = entry.at;
    const time = element("time", clock(entry.at));
    time.dateTime = entry.at;
    const body = element("div");
    body.append(element("p", entry.summary), element("span", entry.actor.name, "by"));
    item.append(time, body);
    const older = [...list.children].find((other) => other.dataset.at <= entry.at);
    list.insertBefore(item, older || null);
    const empty = document.querySelector("[data-empty]");
    if (empty) empty.remove();
  };

  let waiting = null;
  const refresh = () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const answer = await fetch(window.location.href, { credentials: "same-origin" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const busy = part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
        const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
        const opened = [...part.querySelectorAll("details[open]")].length > 0;
        if (next && !busy && !opened) part.replaceWith(next);
      }
    }, 250);
  };

  source.addEventListener("open", () => say("live"));
  source.addEventListener("error", () => say("reconnecting …"));
  source.addEventListener("entry", (event) => { add(JSON.parse(event.data)); refresh(); });
  source.addEventListener("incident", refresh);
})();
