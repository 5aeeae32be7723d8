/* The page's own part: sliders that answer at once, tabs by keyboard, the address as state, and coming back. */
"use strict";
(function () {
  const range = new Shiny.InputBinding();
  Object.assign(range, {
    find: (scope) => $(scope).find("input[type=range]"),
    getValue: (el) => Number(el.value),
    setValue: (el, value) => { el.value = value; },
    subscribe(el, callback) {
      $(el).on("input.popsim change.popsim", () => { show(el); callback(false); });
    },
    unsubscribe: (el) => $(el).off(".popsim"),
  });
  Shiny.inputBindings.register(range, "popsim.range");

  function show(el) {
    const out = document.querySelector(`output[for="${el.id}"]`);
    if (!out) return;
    const number = Number(el.value) * Number(el.dataset.factor || 1);
    const words = number.toLocaleString("en-GB", { maximumFractionDigits: 2 }) + (el.dataset.unit || "");
    out.value = words;
    el.setAttribute("aria-valuetext", words);
  }

  /* Tabs: arrow keys, Home and End, as the ARIA pattern has them. */
  const tabs = () => [...document.querySelectorAll("[role=tab]")];
  function open(tab, focus) {
    for (const one of tabs()) {
      const mine = one === tab;
      one.setAttribute("aria-selected", mine);
      one.tabIndex = mine ? 0 : -1;
      const panel = document.getElementById(one.getAttribute("aria-controls"));
      panel.hidden = !mine;
      $(panel).trigger(mine ? "shown" : "hidden");
    }
    if (focus) tab.focus();
    Shiny.setInputValue("view", tab.dataset.view);
  }
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) open(tab, false);
    const go = event.target.closest("[data-go]");
    if (go) open(tabs().find((one) => one.dataset.view === go.dataset.go), true);
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest && event.target.closest("[role=tab]");
    if (!tab) return;
    const all = tabs(), here = all.indexOf(tab);
    const next = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    open(all[(next + all.length) % all.length], true);
  });

  /* Levers: what was moved is marked, and told as one value. */
  const levers = () => [...document.querySelectorAll("input[data-lever]")];
  function moved() {
    const changes = {};
    for (const one of levers()) {
      const different = one.value !== "" && Number(one.value) !== Number(one.dataset.was);
      one.closest(".lever").classList.toggle("moved", different);
      if (different) changes[one.dataset.lever] = Number(one.value);
    }
    Shiny.setInputValue("changes", JSON.stringify(changes));
  }
  document.addEventListener("input", (event) => {
    if (event.target.matches("input[data-lever]")) moved();
    if (event.target.id === "filter") filter(event.target.value.toLowerCase());
  });
  document.addEventListener("click", (event) => {
    if (event.target.id !== "undo") return;
    for (const one of levers()) one.value = one.dataset.was;
    moved();
  });
  function filter(words) {
    for (const one of document.querySelectorAll(".lever")) {
      one.hidden = words !== "" && !one.textContent.toLowerCase().includes(words);
    }
    for (const group of document.querySelectorAll("details.group")) {
      const some = [...group.querySelectorAll(".lever")].some((one) => !one.hidden);
      group.hidden = !some;
      if (words !== "" && some) group.open = true;
    }
  }

  $(document).on("shiny:connected", () => {
    document.querySelectorAll("input[type=range]").forEach(show);
    const tab = tabs().find((one) => one.getAttribute("aria-selected") === "true");
    if (tab) open(tab, false);
    moved();
  });
  let address;
  Shiny.addCustomMessageHandler("address", ({ query }) => {
    clearTimeout(address);
    address = setTimeout(() => history.replaceState(null, "", location.pathname + (query ? "?" + query : "")), 250);
  });
  Shiny.addCustomMessageHandler("go", ({ query }) => {
    clearTimeout(address);
    location.assign(location.pathname + "?" + query);
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "open") location.assign(location.pathname + "?file=" + encodeURIComponent(event.target.value) + "&view=setup");
    if (event.target.id === "open_run" && event.target.value) location.assign(location.pathname + "?run=" + encodeURIComponent(event.target.value));
  });

  /* The server ended: say so, and come back by itself once it answers again. */
  $(document).on("shiny:disconnected", () => {
    const gone = document.getElementById("gone");
    if (gone) gone.hidden = false;
    const timer = setInterval(async () => {
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (answer.ok) { clearInterval(timer); location.reload(); }
      } catch (error) { /* not yet */ }
    }, 1500);
  });
})();
