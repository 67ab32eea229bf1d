/* Makes a page live: it asks for itself again when something happened and takes over what changed.
   Without this script every page is complete, only not live. The server alone makes HTML; nothing is built from text here.

   <main data-events="…/events" data-last="51">  listen to an incident's events
   <main data-poll="10">                         look again every ten seconds
   [data-part="name"]                            replaced as a whole, unless somebody works in it
   [data-merge]                                  a list whose items have ids: missing ones are put in                  */
(() => {
  const main = document.getElementById("main");

  // A second press of a button asks for nothing more. (Forms whose effect would double also carry a key.)
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  if (!main || !(main.dataset.events || main.dataset.poll)) return;
  let last = Number(main.dataset.last || 0);
  const say = (text) => {
    const state = document.querySelector("[data-state]");
    if (state) state.textContent = text;
  };

  const isBusy = (part) =>
    part.querySelector("details[open]") || (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
  const digests = (part) => [...part.querySelectorAll("input[name=digest]")].map((input) => input.value).join();

  const replace = (part, next) => {
    if (part.innerHTML === next.innerHTML && part.hidden === next.hidden) return;
    const isNewQuestion = digests(part) !== digests(next);
    const held = part.contains(document.activeElement) ? document.activeElement.outerHTML : "";
    part.replaceWith(next);
    // Whoever goes by keyboard goes on where they were: on the same thing, or on its part when it has changed.
    if (held) {
      const same = [...next.querySelectorAll("a[href], button, summary")].find((each) => each.outerHTML === held);
      if (!same) next.tabIndex = -1;
      (same ?? next).focus({ preventScroll: true });
    }
    // A finger that is on its way must not decide about something that has just slid under it.
    if (isNewQuestion) {
      next.inert = true;
      setTimeout(() => { next.inert = false; }, 700);
    }
  };

  const merge = (list, next) => {
    for (const item of [...next.children].reverse()) {
      if (document.getElementById(item.id)) continue;
      item.classList.add("fresh");
      const older = [...list.children].find((other) => other.dataset.at <= item.dataset.at);
      list.insertBefore(item, older || null);
    }
  };

  const refresh = async () => {
    let answer;
    try {
      answer = await fetch(window.location.href, { credentials: "same-origin", headers: { "X-Hotwash-Live": "1" } });
    } catch { return say("reconnecting,"); }
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (next && !isBusy(part)) replace(part, next);
      if (!next && part.dataset.part === "nothing") part.remove();
    }
    const list = document.querySelector("[data-merge]");
    const lines = fresh.querySelector("[data-merge]");
    if (list && lines) merge(list, lines);
    document.title = fresh.title;
  };

  // Things happen in bursts: one look a quarter of a second after the first of them is enough.
  let planned = null;
  const soon = () => {
    planned ??= setTimeout(() => { planned = null; refresh(); }, 250);
  };

  // Nobody looks at a hidden page, and browsers allow few open connections to one host.
  let stop = () => {};
  const follow = () => {
    if (main.dataset.poll) {
      const timer = setInterval(refresh, Number(main.dataset.poll) * 1000);
      return () => clearInterval(timer);
    }
    const source = new EventSource(`${main.dataset.events}?after=${last}`, { withCredentials: true });
    source.addEventListener("open", () => say("live,"));
    source.addEventListener("error", () => say("reconnecting,"));
    source.addEventListener("trouble", () => say("the record is away,"));
    source.addEventListener("entry", (event) => { last = Math.max(last, Number(event.lastEventId)); soon(); });
    source.addEventListener("incident", soon);
    return () => source.close();
  };
  const look = () => {
    stop();
    stop = () => {};
    if (!document.hidden) stop = follow();
  };
  document.addEventListener("visibilitychange", () => { look(); if (!document.hidden) refresh(); });
  look();
})();
