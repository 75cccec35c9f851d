"use strict";
// Runs as data: the states of each are kept as what every step has changed.
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
let run = data.runs[0];
let position = 0;
let afterGo = () => {}; // for whoever offers more than to look

const last = () => run.moments.length - 1;

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text; // never markup
  if (kind) made.className = kind;
  return made;
}

function pressed(made, act) {
  made.tabIndex = 0;
  made.addEventListener("click", act);
  made.addEventListener("keydown", (event) => {
    if (event.key === "Enter") act();
  });
  return made;
}

function stateAt(number) {
  const cells = new Map();
  for (let i = 0; i <= number; i++) {
    for (const [key, text] of Object.entries(run.moments[i])) {
      if (text === "") cells.delete(key);
      else cells.set(key, text);
    }
  }
  return cells;
}

function showState(number) {
  const changed = number > 0 ? run.moments[number] : {};
  const groups = new Map();
  for (const [key, text] of stateAt(number)) {
    const [group, row, column] = key.split("/");
    if (!groups.has(group)) groups.set(group, { rows: new Map(), columns: [] });
    const found = groups.get(group);
    if (!found.columns.includes(column)) found.columns.push(column);
    if (!found.rows.has(row)) found.rows.set(row, new Map());
    found.rows.get(row).set(column, [text, key in changed]);
  }
  at("state").replaceChildren(...[...groups].map(([name, g]) => groupOf(name, g)));
}

function groupOf(name, { rows, columns }) {
  const section = element("section");
  const scroll = element("div", undefined, "scroll");
  const table = element("table");
  const head = element("tr");
  head.append(element("th", ""), ...columns.map((text) => element("th", text)));
  table.append(head);
  for (const [row, cells] of rows) {
    const line = element("tr");
    line.append(element("th", row));
    for (const column of columns) {
      const [text, isNew] = cells.get(column) || ["", false];
      line.append(element("td", text, isNew ? "changed" : ""));
    }
    table.append(line);
  }
  scroll.append(table);
  section.append(element("h2", name), scroll);
  return section;
}

function showStep(number) {
  const lines = [];
  if (number === 0) lines.push(element("div", "before the first step"));
  else {
    const [task, label, told] = run.steps[number - 1];
    lines.push(element("div", `${task}  ${label}`, "task"));
    for (const text of told) {
      lines.push(element("div", text, text.startsWith("VIOLATION") ? "bad" : ""));
    }
  }
  at("step").replaceChildren(...lines);
  at("position").value = `step ${number} of ${last()}`;
}

function showRace(number) {
  let here = null;
  for (const line of at("table").rows) {
    line.classList.remove("here");
    const step = Number(line.dataset.step || 0);
    if (step && step <= number) here = line;
  }
  if (here && run === data.runs[0]) here.classList.add("here");
}

function showBeside(number) {
  for (const cell of at("pairs").querySelectorAll("td[data-step]")) {
    const shown = data.runs[cell.dataset.run] === run;
    cell.classList.toggle("here", shown && Number(cell.dataset.step) === number);
  }
}

function go(number) {
  position = Math.max(0, Math.min(last(), number));
  at("slider").max = last();
  at("slider").value = position;
  showStep(position);
  showRace(position);
  showBeside(position);
  showState(position);
  afterGo();
}

function lookAt(which, number) {
  run = data.runs[which];
  at("passing").setAttribute("aria-pressed", which !== 0);
  go(number);
}

function showViolation() {
  at("message").textContent = data.message;
  at("message").className = data.violation ? "bad" : "";
  at("violation").hidden = !data.violation;
  makeRace();
}

function makeRace() {
  const head = element("tr");
  head.append(...data.headers.map((text) => element("th", text)));
  at("table").replaceChildren(...(data.headers.length ? [head] : []));
  for (const [column, depth, text, note, step] of data.table) {
    const line = element("tr");
    for (let i = 0; i < data.headers.length; i++) {
      line.append(element("td", i === column ? "  ".repeat(depth) + text : ""));
    }
    if (note) line.children[column].append(element("span", `  ${note}`, "note"));
    if (step) {
      line.dataset.step = step;
      pressed(line, () => lookAt(0, step));
    }
    at("table").append(line);
  }
  at("race").hidden = !data.headers.length;
}

// The run that passes: the last step in common, then both, side by side.
function makeBeside() {
  const both = data.runs.length > 1;
  at("passing").hidden = at("beside").hidden = !both;
  if (!both) return;
  at("common").textContent =
    `Another run takes the same ${data.common} steps and goes on without a violation.`;
  const head = element("tr");
  head.append(...["step", "this run", "a run that passes"].map((t) => element("th", t)));
  at("pairs").append(head);
  const most = Math.max(...data.runs.map((one) => one.steps.length));
  for (let number = Math.max(1, data.common); number <= most; number++) {
    const line = element("tr", undefined, number === data.common + 1 ? "parts" : "");
    line.append(element("th", number));
    data.runs.forEach((one, which) => {
      const step = one.steps[number - 1];
      const cell = element("td", step ? `${step[0]}  ${step[1]}` : "");
      if (step) {
        cell.dataset.run = which;
        cell.dataset.step = number;
        pressed(cell, () => lookAt(which, number));
      }
      line.append(cell);
    });
    at("pairs").append(line);
  }
}

const keys = {
  ArrowLeft: () => go(position - 1),
  ArrowRight: () => go(position + 1),
  Home: () => go(0),
  End: () => go(last()),
  v: () => lookAt(0, data.violation || last()),
  p: () => data.runs.length > 1 && lookAt(run === data.runs[0] ? 1 : 0, position),
};
document.addEventListener("keydown", (event) => {
  const own = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
  if (event.ctrlKey || event.altKey || event.metaKey || own) return;
  if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});
at("rules").textContent = `rules ${data.rules}`;
at("slider").addEventListener("input", (event) => go(Number(event.target.value)));
at("first").addEventListener("click", keys.Home);
at("back").addEventListener("click", keys.ArrowLeft);
at("next").addEventListener("click", keys.ArrowRight);
at("violation").addEventListener("click", keys.v);
at("passing").addEventListener("click", keys.p);
showViolation();
makeBeside();
go(0);
