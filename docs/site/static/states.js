// Moves the sliders of a lecture between pictures that were drawn when the site was built.
"use strict";
{
  // As in notebooks, a narrow page scrolls a figure rather than shrink it until nobody can read it.
  const LEAST = 0.55;

  const places = (controls) =>
    controls.reduce((place, control) => place * Number(control.dataset.count) + Number(control.value), 0);

  const show = (box, controls, states, moved) => {
    for (const control of controls) {
      if (!control.dataset.values) continue;
      const value = JSON.parse(control.dataset.values)[Number(control.value)];
      control.setAttribute("aria-valuetext", value);
      control.nextElementSibling.value = value;
    }
    const { file, words } = states[places(controls)];
    const image = box.querySelector("img");
    const source = `${box.dataset.address}/${file}`;
    image.alt = words;
    // Heard after each move; seen only where there is no picture.
    box.querySelector(".states-words").textContent = moved || !file ? words : "";
    box.querySelector(".states-words").classList.toggle("only-heard", Boolean(file));
    box.dataset.wanted = source;
    if (!file) {
      image.hidden = true;
      return;
    }
    // The old picture stays until the new one is there; a later move overtakes an earlier one.
    const loaded = new Image();
    loaded.onload = () => {
      if (box.dataset.wanted !== source) return;
      image.src = source;
      image.style.minWidth = `${Math.round(LEAST * loaded.naturalWidth)}px`;
      image.hidden = false;
    };
    loaded.src = source;
  };

  const start = (box) => {
    const states = (window.courseStates || {})[box.dataset.states];
    if (!states) return; // without them the first picture stays, and no slider is offered
    const controls = [...box.querySelectorAll("input, select")];
    for (const control of controls) control.addEventListener("input", () => show(box, controls, states, true));
    // A browser that comes back to the page restores the sliders, but not the picture.
    show(box, controls, states, false);
    box.querySelector("fieldset").hidden = false;
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".states").forEach(start));
}
