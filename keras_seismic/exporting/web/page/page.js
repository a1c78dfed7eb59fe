// The page: files in, pictures and files out. All work is done by worker.js.

import { clipOf, draw } from "./picture.js";

const $ = (id) => document.getElementById(id);

/** More threads than this gain nothing; without cross-origin isolation there is one. */
const THREADS = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 16) : 1;

let card = null;
let worker = null;
let state = "loading"; // then "empty", "working" or "done"
let waiting = null; // a file chosen before the model was loaded
let shown = null; // what is on the canvases
let started = 0;

function startWorker() {
  // From a blob, so that this page's Content-Security-Policy also holds for the worker.
  const code = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  worker = new Worker(address, { type: "module" });
  worker.onmessage = ({ data }) => HANDLERS[data.kind](data);
  worker.onerror = () => {
    fail("The page's own files could not be loaded. Is its folder complete? Reload the page.");
  };
}

const HANDLERS = {
  awake: () => worker.postMessage({ kind: "load", threads: wantedThreads() }),
  ready() {
    const cancelled = $("status").textContent.startsWith("Cancelled");
    if (state === "loading") enter("empty", cancelled ? $("status").textContent : "");
    if (waiting) open(waiting);
  },
  opened(data) {
    shown = data;
    $("remark").hidden = !data.remark;
    $("remark").textContent = data.remark ?? "";
    $("examples").textContent = `of ${data.examples}`;
    $("example").max = data.examples;
    $("example").value = 1;
    $("example-of").hidden = !(data.examples > 1);
    say(`${data.file}: ${data.summary}.`);
    makeFigures();
  },
  progress({ done, total }) {
    $("progress").value = done / total;
    const seconds = (performance.now() - started) / 1000;
    const left = done ? Math.ceil((seconds / done) * (total - done)) : null;
    $("remaining").textContent =
      `${Math.round((100 * done) / total)} %` + (left === null ? "" : `, about ${inTime(left)} left`);
  },
  done({ after, spread, seconds }) {
    Object.assign(shown, { after, spread });
    const time = seconds < 10 ? seconds.toFixed(1) : Math.round(seconds);
    enter("done", `${shown.file}: ${shown.summary}. Done in ${time} s.`);
    makeFigures();
  },
  shown(data) {
    Object.assign(shown, data);
    makeFigures();
  },
  saved({ name, blob, remark }) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    $("save").disabled = false;
    say(`Saved ${name}. ${remark ?? ""}`);
  },
  failed({ message, during }) {
    $("save").disabled = state !== "done";
    if (during === "load") fail(message, "loading");
    else if (during === "open") fail(message);
    else showError(message);
  },
};

/** The number of threads; ?threads=1 in the address asks for fewer. */
function wantedThreads() {
  const asked = Number(new URLSearchParams(location.search).get("threads"));
  return asked > 0 ? Math.min(asked, THREADS) : THREADS;
}

function open(file) {
  if (state === "working") cancel();
  if (state === "loading") {
    waiting = file;
    say(`${file.name} opens as soon as the model is loaded …`);
    return;
  }
  waiting = null;
  shown = null;
  started = performance.now();
  $("result").hidden = true;
  enter("working", `Reading ${file.name} …`);
  $("progress").removeAttribute("value");
  $("remaining").textContent = "";
  worker.postMessage({ kind: "open", file });
}

function cancel() {
  if (state !== "working") return;
  worker.terminate();
  $("result").hidden = true;
  enter("loading", "Cancelled. Nothing was changed.");
  startWorker();
  $("file").focus();
}

function enter(next, message) {
  state = next;
  document.body.dataset.state = next;
  $("work").hidden = next !== "working";
  $("save").disabled = next !== "done";
  $("strength").disabled = next !== "done";
  $("example").disabled = next !== "done";
  showError("");
  say(message);
}

function fail(message, next = "empty") {
  $("result").hidden = true;
  enter(next, "");
  showError(message);
}

function showError(message) {
  $("error").textContent = message;
  $("error").hidden = !message;
}

function say(message) {
  $("status").textContent = message;
}

function inTime(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// Figures

/** What can be seen, by the names of the views. */
function pictures() {
  const { before, after } = shown;
  const strength = $("strength").value / 100;
  const velocity = predictsVelocity();
  const clip = clipOf(before.values);
  const amplitude = { shape: before.shape, colors: "amplitude", range: [-clip, clip] };
  const axes = velocity ? gatherAxes() : sectionAxes();
  const first = velocity ? `Gather of shot ${shown.shot}` : "Before";
  const found = { [first]: { ...amplitude, ...axes, values: before.values } };
  if (!after) return found;
  if (velocity) {
    const shape = card.output.shape.slice(1, 3);
    const maps = { "Velocity (m/s)": after, "Spread, 90 % (± m/s)": shown.spread };
    for (const [name, values] of Object.entries(maps).filter(([, values]) => values)) {
      const range = [Math.min(...values), Math.max(...values)];
      found[name] = { values, shape, colors: "velocity", range, ...velocityAxes(shape) };
    }
    return found;
  }
  const removed = after.map((value, i) => strength * (before.values[i] - value));
  const cleaned = before.values.map((value, i) => value - removed[i]);
  found.After = { ...amplitude, ...axes, values: cleaned };
  found.Removed = { ...amplitude, ...axes, values: removed };
  return found;
}

function sectionAxes() {
  const { samples, traces, interval } = shown;
  return {
    across: { label: "Trace", first: 1, last: traces },
    down: interval
      ? { label: "Time (s)", first: 0, last: (samples - 1) * interval }
      : { label: "Sample", first: 1, last: samples },
  };
}

function gatherAxes() {
  const [samples, receivers] = card.input.shape.slice(1);
  const dt = card.acquisition?.dt;
  return {
    across: { label: "Receiver", first: 1, last: receivers },
    down: dt
      ? { label: "Time (s)", first: 0, last: (samples - 1) * dt }
      : { label: "Sample", first: 1, last: samples },
  };
}

function velocityAxes([depth, width]) {
  const dx = card.grid_spacing;
  const [unit, step] = dx ? [" (m)", dx] : ["", 1];
  return {
    across: { label: `x${unit}`, first: 0, last: (width - 1) * step },
    down: { label: `Depth${unit}`, first: 0, last: (depth - 1) * step },
  };
}

function makeFigures() {
  const found = Object.entries(pictures());
  const figures = found.map(([name, picture]) => {
    const figure = document.createElement("figure");
    figure.innerHTML = `<figcaption></figcaption><canvas role="img"></canvas>`;
    figure.dataset.name = name;
    figure.firstChild.textContent = name;
    figure.lastChild.setAttribute("aria-label", `${name}: ${shown.summary}`);
    figure.picture = picture;
    return figure;
  });
  $("figures").replaceChildren(...figures);
  makeViews(found.map(([name]) => name));
  $("result").hidden = false;
  redraw();
}

function makeViews(names) {
  const chosen = document.querySelector("#views input:checked")?.value;
  const views = names.length > 1 ? ["All", ...names] : [];
  const current = views.includes(chosen) ? chosen : "All";
  const labels = views.map((name) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "view", value: name, checked: name === current });
    label.append(input, Object.assign(document.createElement("span"), { textContent: name }));
    return label;
  });
  $("views").replaceChildren($("views").firstElementChild, ...labels);
  $("views").hidden = !views.length;
}

function redraw() {
  const view = document.querySelector("#views input:checked")?.value ?? "All";
  const figures = [...$("figures").children];
  for (const figure of figures) figure.hidden = view !== "All" && figure.dataset.name !== view;
  for (const figure of figures.filter((one) => !one.hidden)) draw(figure.lastChild, figure.picture);
}

// What the user does

function listen() {
  $("file").addEventListener("change", ({ target }) => {
    if (target.files.length) open(target.files[0]);
    target.value = ""; // so that the same file can be chosen again
  });
  $("cancel").addEventListener("click", cancel);
  $("views").addEventListener("change", redraw);
  $("strength").addEventListener("input", () => {
    $("percent").textContent = `${$("strength").value} %`;
    makeFigures();
  });
  $("example").addEventListener("change", ({ target }) => {
    target.value = Math.min(Math.max(Math.round(target.value) || 1, 1), Number(target.max));
    worker.postMessage({ kind: "show", example: target.value - 1 });
  });
  $("save").addEventListener("click", () => {
    $("save").disabled = true;
    worker.postMessage({ kind: "save", strength: $("strength").value / 100 });
  });
  addEventListener("keydown", ({ key }) => key === "Escape" && cancel());
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  for (const kind of ["dragleave", "drop"]) {
    addEventListener(kind, () => document.body.classList.remove("over"));
  }
  addEventListener("drop", (event) => {
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length > 1) showError("Drop one file at a time.");
    else if (files.length) open(files[0]);
  });
  new ResizeObserver(() => shown && redraw()).observe($("figures"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && redraw());
}

// The model

function predictsVelocity() {
  return card.output.units === "m/s";
}

function introduce() {
  const velocity = predictsVelocity();
  const title = velocity ? "Velocity from shot gathers" : "Clean a seismic section";
  document.title = $("title").textContent = title;
  $("choose").textContent = velocity ? "Open shot gathers" : "Open a section";
  $("accepts").textContent = `${velocity ? ".npy" : "SEG-Y or .npy"}, or drop it anywhere on this page`;
  $("file").accept = velocity ? ".npy" : ".sgy,.segy,.npy";
  $("save").textContent = velocity ? "Save the velocity" : "Save the clean section";
  $("strength-of").hidden = velocity;
  const threads = wantedThreads();
  $("threads").textContent =
    `${threads} ${threads > 1 ? "threads" : "thread"}` +
    (self.crossOriginIsolated ? "" : ", because the server does not isolate this page");
  const facts = {
    Model: `${card.model}, ${card.parameters.toLocaleString("en-US")} parameters`,
    Task: card.task,
    Input: velocity ? `${card.input.shape.slice(1).join(" × ")} (time × receivers × shots)` : null,
    "Trained on": typeof card.training_data === "string" ? card.training_data : null,
    Limits: card.limits,
    License: card.license,
    Made: `keras_seismic ${card.package_version}, ${card.created?.slice(0, 10)}`,
  };
  for (const [name, value] of Object.entries(facts)) {
    if (!value) continue;
    const [term, fact] = ["dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    fact.textContent = value;
    $("about").append(term, fact);
  }
}

async function start() {
  enter("loading", "Loading the model …");
  listen();
  try {
    card = await (await fetch("model_card.json")).json();
  } catch {
    fail("model_card.json could not be loaded. Is the page's folder complete? Reload the page.", "loading");
    return;
  }
  introduce();
  startWorker();
}

start();
