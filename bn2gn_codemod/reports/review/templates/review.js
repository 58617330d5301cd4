"use strict";

// Nothing here is needed to read the page; without it every layer is shown.

for (const tools of document.querySelectorAll(".tools, .filter")) {
  tools.hidden = false;
}

for (const button of document.querySelectorAll("[data-open], [data-close]")) {
  const isOpening = "open" in button.dataset;
  button.addEventListener("click", () => {
    const section = document.getElementById(button.dataset.open ?? button.dataset.close);
    for (const part of section.querySelectorAll("details")) {
      part.open = isOpening;
    }
  });
}

const boxes = [...document.querySelectorAll("input[name=verdict]")];
const layers = [...document.querySelectorAll("[data-verdict]")];

function filter() {
  const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  let shown = 0;
  for (const layer of layers) {
    layer.hidden = !wanted.has(layer.dataset.verdict);
    shown += layer.hidden ? 0 : 1;
  }
  for (const file of document.querySelectorAll("#layers details.file")) {
    file.hidden = !file.querySelector("[data-verdict]:not([hidden])");
  }
  document.getElementById("filtered").textContent = `${shown} of ${layers.length} shown`;
}

for (const box of boxes) {
  box.addEventListener("change", filter);
}

// A link to a layer or a line opens what it lies in, and shows it even when it is filtered out.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) {
    return;
  }
  const layer = target.closest("[data-verdict][hidden]");
  if (layer) {
    boxes.find((box) => box.value === layer.dataset.verdict).checked = true;
    filter();
  }
  for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) {
    part.open = true;
  }
  target.scrollIntoView();
}

if (boxes.length) {
  filter();
}
addEventListener("hashchange", reveal);
reveal();
