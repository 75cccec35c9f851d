// The same page, live: a question stands at each step, and any answer can be given.
const live = data.live;
live.known = new Map(); // what is asked at a path, and what each answer would do
let asking = 0; // so that a late answer to an old question is not shown

async function ask(what, question) {
  const response = await fetch(what, { method: "POST", body: JSON.stringify(question) });
  if (response.headers.get("content-type").startsWith("text/plain")) {
    return response.text();
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// The path to before step number + 1: all answers that the steps up to here took.
function pathTo(number) {
  return number < live.starts.length ? live.path.slice(0, live.starts[number]) : live.path;
}

async function offer() {
  const mine = ++asking;
  at("options").dataset.waiting = "yes";
  const path = pathTo(position);
  const key = path.join();
  at("undo").disabled = !path.length;
  if (!live.known.has(key)) {
    const found = await ask("look", { path, since: position });
    live.known.set(key, { question: found.question, ended: found.ended });
  }
  if (mine !== asking) return;
  const known = live.known.get(key);
  showOptions(known, path);
  if (known.question && !known.told) known.told = await ask("preview", { path });
  if (mine !== asking) return;
  showOptions(known, path);
  delete at("options").dataset.waiting;
}

function showOptions({ question, ended, told }, path) {
  const options = question ? question.options : [];
  const taken = live.path[path.length];
  at("options").replaceChildren(...options.map(([task, label, obj, stays], answer) => {
    const name = question.outcome ? `outcome ${answer}` : `${task}  ${label}`;
    const made = element("button", name, answer === taken ? "taken" : "");
    made.type = "button";
    made.title = [obj, stays ? "goes on" : ""].filter(Boolean).join(", ");
    for (const text of told ? told[answer] : []) made.append(element("small", text));
    made.addEventListener("click", guarded(() => choose(answer)));
    return made;
  }));
  at("asked").textContent = !question ? `The run is over: ${ended}`
    : question.outcome ? `What does hardware do? ${options[0][1]}` : "Who goes next?";
}

async function choose(answer) {
  const path = pathTo(position);
  if (path.length < live.path.length && live.path[path.length] === answer) {
    const number = live.starts.indexOf(path.length);
    if (number >= 0 && number < last()) return go(number + 1);
  }
  await take("look", { path: [...path, answer] });
}

// Puts what was found after the steps that are known, and goes to its end.
async function take(what, question) {
  at("options").dataset.waiting = "yes";
  const since = whole(question.path);
  const found = await ask(what, { ...question, since });
  run.steps = [...run.steps.slice(0, since), ...found.steps];
  const kept = since ? run.moments.slice(0, since + 1) : [];
  run.moments = [...kept, ...found.moments];
  Object.assign(live, { path: found.path, starts: found.starts, broken: found.broken });
  live.known.set(found.path.join(), { question: found.question, ended: found.ended });
  await showBroken();
  go(last());
}

// How many steps of those known a path is sure to go through to their end.
function whole(path) {
  let steps = 0;
  while (steps < live.starts.length && live.starts[steps] < path.length
    && live.path[live.starts[steps]] === path[live.starts[steps]]) steps++;
  return Math.max(0, steps - 1);
}

async function showBroken() {
  at("broken").replaceChildren(...live.broken.map(([property, message, step]) => {
    const line = element("li", `${property}: ${message} (step ${step})`, "bad");
    return pressed(line, () => lookAt(0, step));
  }));
  at("text").hidden = true;
  const race = live.broken.length ? await ask("race", { path: live.path })
    : { message: "no violation so far", violation: 0, headers: [], table: [], text: "" };
  Object.assign(data, race);
  at("table-text").disabled = !race.text;
  showViolation();
}

async function takeBack() {
  const path = pathTo(position);
  if (path.length) await take("look", { path: path.slice(0, -1) });
}

async function save() {
  const text = await ask("schedule", { path: live.path });
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = "explored.schedule";
  link.click();
  URL.revokeObjectURL(link.href);
  at("said").textContent = "saved: forkfuzz replay explored.schedule";
}

function guarded(act) {
  return async (event) => {
    event.preventDefault();
    at("said").textContent = "";
    try {
      await act();
    } catch (error) {
      at("said").textContent = error.message;
      delete at("options").dataset.waiting;
    }
  };
}

function fill(id, texts) {
  at(id).append(...texts.map((text) => {
    const option = element("option", text);
    option.value = text;
    return option;
  }));
}

fill("strategy", data.strategies);
fill("points", data.points);
fill("property", ["", ...data.properties]);
at("strategy").value = "stay";
at("property").value = data.properties[0];
at("going").addEventListener("submit", guarded(() => take("run", {
  path: pathTo(position),
  strategy: at("strategy").value,
  seed: Number(at("seed").value),
  points: at("point").value ? [at("point").value] : [],
  properties: at("property").value ? [at("property").value] : [],
})));
at("undo").addEventListener("click", guarded(takeBack));
at("save").addEventListener("click", guarded(save));
at("table-text").addEventListener("click", guarded(async () => {
  const { text } = await ask("race", { path: live.path });
  at("text").textContent = text;
  at("text").hidden = false;
}));
keys.Backspace = () => at("undo").click();
afterGo = guarded(offer).bind(null, { preventDefault() {} });
showBroken().then(() => go(0));
