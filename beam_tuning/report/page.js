// Filters the reasons, copies commands, and says which tables are wider than the screen. All else works without a script.
"use strict";
(() => {
  const form = document.getElementById("filters");
  const reasons = [...document.querySelectorAll("[data-reason]")];
  if (!form || reasons.length === 0) return;
  const groups = document.querySelectorAll("[data-group]");
  const found = document.getElementById("found");
  form.hidden = false;

  function filter() {
    const words = form.elements.words.value.trim().toLowerCase();
    const outcome = form.elements.outcome.value;
    const split = form.elements.split.value;
    const outcomes = new Set();
    let shown = 0;
    for (const reason of reasons) {
      const fits =
        (!outcome || reason.dataset.outcome === outcome) &&
        (!split || reason.dataset.splits.split(" ").includes(split)) &&
        (!words || reason.textContent.toLowerCase().includes(words));
      reason.hidden = !fits;
      if (fits) {
        shown += 1;
        outcomes.add(reason.dataset.outcome);
      }
      for (const sample of reason.querySelectorAll("[data-split]")) {
        sample.hidden = Boolean(split) && sample.dataset.split !== split;
      }
    }
    for (const group of groups) group.hidden = !outcomes.has(group.dataset.group);
    found.textContent = `${shown} of ${reasons.length} reasons`;
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  filter();
})();
(() => {
  function select(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  async function copy(text, element) {
    try {
      await navigator.clipboard.writeText(text);
      return "Copied";
    } catch {
      select(element); // the browser allows no more: the text is marked, ready for the keyboard
      return document.execCommand("copy") ? "Copied" : "Selected";
    }
  }

  for (const button of document.querySelectorAll("button.copy")) {
    const code = button.parentElement.querySelector("code");
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.textContent = await copy(code.textContent, code);
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }
})();
(() => {
  const tables = [...document.querySelectorAll(".wide")];
  function look() {
    for (const table of tables) {
      const inside = table.querySelector(".scroll");
      table.querySelector(".hint").hidden = inside.scrollWidth <= inside.clientWidth;
    }
  }
  addEventListener("resize", look);
  document.addEventListener("toggle", look, true);
  look();
})();
(() => {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details[data-print]:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
