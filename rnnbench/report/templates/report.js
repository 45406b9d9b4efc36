// Brings a report to life: tables sort and filter, and models are picked.
// The page is complete without it. It loads nothing, stores nothing, and writes only text.
"use strict";

const MANY_ROWS = 7; // a table with fewer is seen at a glance, and needs no filter
const off = new Set(); // the models that are not picked

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Tables -------------------------------------------------------------------------------------------

// The value of "0.757 ± 0.012", "-0.02 to +0.04", "4,946" or "1.2 (2 of 3 seeds)" is its first number.
function valueOf(cell) {
  const text = cell.textContent.trim();
  const number = Number(text.split(/ (?:±|to|\()/)[0].replaceAll(",", ""));
  return text === "" || text === "-" ? null : Number.isNaN(number) ? text : number;
}

// Numbers come before words; what is missing comes last, whichever way the others are sorted.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
}

function sortRows(body, rows, column, direction) {
  const sign = direction === "ascending" ? 1 : -1;
  const values = new Map(rows.map((row) => [row, valueOf(row.cells[column])]));
  const sorted = [...rows].sort((a, b) => compare(values.get(a), values.get(b), sign));
  body.append(...(direction ? sorted : rows));
}

// A header sorts one way, then the other, then back; numbers begin with the largest.
function makeSortable(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows]; // in the order of the report
  if (rows.length < 2) return;
  const headers = all("thead th", table);
  headers.forEach((header, column) => {
    const isNumber = rows.some((row) => typeof valueOf(row.cells[column]) === "number");
    const turns = isNumber ? ["descending", "ascending", null] : ["ascending", "descending", null];
    const button = make("button", { type: "button" }, ...header.childNodes);
    button.addEventListener("click", () => {
      const turn = turns[(turns.indexOf(header.getAttribute("aria-sort")) + 1) % 3];
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      if (turn) header.setAttribute("aria-sort", turn);
      sortRows(body, rows, column, turn);
    });
    header.append(button);
  });
}

function makeFilterable(table) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length <= MANY_ROWS) return;
  const input = make("input", { type: "search", autocomplete: "off" });
  input.setAttribute("aria-label", `Filter rows of ${table.getAttribute("aria-label")}`);
  const count = make("output", {});
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    rows.forEach((row) => (row.hidden = !row.textContent.toLowerCase().includes(wanted)));
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = wanted ? ` ${shown} of ${rows.length} rows` : "";
  });
  const controls = make("p", { className: "controls" }, make("label", {}, "Filter rows ", input), count);
  table.parentElement.before(controls);
}

// Models -------------------------------------------------------------------------------------------

function showPicked() {
  for (const element of all("[data-models]")) {
    const isOff = element.dataset.models.split(" ").some((name) => off.has(name));
    element.classList.toggle("off", isOff);
  }
}

function makePicker(main) {
  const names = main.dataset.names.split(" ");
  if (names.length < 2) return;
  const boxes = names.map((name) => make("input", { type: "checkbox", value: name, checked: true }));
  const picker = make("details", { className: "picker" });
  const summary = make("summary", {});
  const update = () => {
    boxes.forEach((box) => (box.checked ? off.delete(box.value) : off.add(box.value)));
    summary.textContent = `Models to compare (${names.length - off.size} of ${names.length})`;
    picker.classList.toggle("partial", off.size > 0);
    showPicked();
  };
  const button = (text, checked) => {
    const made = make("button", { type: "button" }, text);
    made.addEventListener("click", () => {
      boxes.forEach((box) => (box.checked = checked));
      update();
    });
    return made;
  };
  const labels = boxes.map((box) => make("label", {}, box, ` ${box.value}`));
  const fieldset = make("fieldset", {}, button("all", true), button("none", false), ...labels);
  fieldset.setAttribute("aria-label", "Models to compare");
  fieldset.addEventListener("change", update);
  picker.append(summary, fieldset);
  sections.before(picker);
  update();
}

// The page -----------------------------------------------------------------------------------------

const main = document.querySelector("main");
all("table").forEach(makeSortable);
all("table").forEach(makeFilterable);
const sections = main.querySelector("section");
makePicker(main);
sections.before(make("p", { className: "controls" }, "Select a header to sort its table."));
