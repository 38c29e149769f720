// Filters the reasons. Everything else on the page works without a script.
"use strict";
(() => {
  const form = document.getElementById("filters");
  const reasons = [...document.querySelectorAll("[data-reason]")];
  if (!form || reasons.length === 0) return;
  const found = document.getElementById("found");
  form.hidden = false;

  function filter() {
    const words = form.elements.words.value.trim().toLowerCase();
    const outcome = form.elements.outcome.value;
    const split = form.elements.split.value;
    let shown = 0;
    for (const reason of reasons) {
      const fits =
        (!outcome || reason.dataset.outcome === outcome) &&
        (!split || reason.dataset.splits.split(" ").includes(split)) &&
        (!words || reason.textContent.toLowerCase().includes(words));
      reason.hidden = !fits;
      if (fits) shown += 1;
      for (const sample of reason.querySelectorAll("[data-split]")) {
        sample.hidden = Boolean(split) && sample.dataset.split !== split;
      }
    }
    found.textContent = `${shown} of ${reasons.length} reasons`;
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  filter();
})();
