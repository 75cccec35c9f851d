"use strict";
// The run as data: states are kept as what each step has changed.
const run = JSON.parse(document.getElementById("data").textContent);
const last = run.moments.length - 1;
const at = (id) => document.getElementById(id);
let position = 0;

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text; // never markup
  if (kind) made.className = kind;
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
  at("position").value = `step ${number} of ${last}`;
}

function showRace(number) {
  let here = null;
  for (const line of at("table").rows) {
    line.classList.remove("here");
    const step = Number(line.dataset.step || 0);
    if (step && step <= number) here = line;
  }
  if (here) here.classList.add("here");
}

function go(number) {
  position = Math.max(0, Math.min(last, number));
  at("slider").value = position;
  showStep(position);
  showRace(position);
  showState(position);
}

function makeRace() {
  const head = element("tr");
  head.append(...run.headers.map((text) => element("th", text)));
  if (run.headers.length) at("table").append(head);
  for (const [column, depth, text, note, step] of run.table) {
    const line = element("tr");
    for (let i = 0; i < run.headers.length; i++) {
      line.append(element("td", i === column ? "  ".repeat(depth) + text : ""));
    }
    if (note) line.children[column].append(element("span", `  ${note}`, "note"));
    if (step) {
      line.dataset.step = step;
      line.tabIndex = 0;
      line.addEventListener("click", () => go(step));
      line.addEventListener("keydown", (event) => {
        if (event.key === "Enter") go(step);
      });
    }
    at("table").append(line);
  }
}

const keys = {
  ArrowLeft: () => go(position - 1),
  ArrowRight: () => go(position + 1),
  Home: () => go(0),
  End: () => go(last),
  v: () => go(run.violation || last),
};
document.addEventListener("keydown", (event) => {
  const onSlider = event.target === at("slider");
  if (event.ctrlKey || event.altKey || event.metaKey || onSlider) return;
  if (keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});
at("message").textContent = run.message;
at("rules").textContent = `rules ${run.rules}`;
at("slider").max = last;
at("slider").addEventListener("input", (event) => go(Number(event.target.value)));
at("first").addEventListener("click", keys.Home);
at("back").addEventListener("click", keys.ArrowLeft);
at("next").addEventListener("click", keys.ArrowRight);
at("violation").addEventListener("click", keys.v);
if (!run.violation) at("violation").hidden = true;
makeRace();
go(0);
