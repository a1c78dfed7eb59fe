// The work, away from the page: the model is loaded once, files are read, computed and written.

import { Gathers, oddAmplitudes, shotOf } from "./gathers.js";
import { encode, readHeader, readPart } from "./npy.js";
import { Refusal, bytesOf, checkFinite, inBytes, inCommas } from "./refusal.js";
import { denoise, reduced, withStrength } from "./sections.js";
import * as segy from "./segy.js";

/** Samples of the largest section, which is about 1 GB of memory. */
const LARGEST = 2 ** 25;

/** Rows and columns of the pictures at most. */
const PICTURE = 1600;

let card = null;
let session = null;
let loading = null;
let job = null;

/** The model in ONNX Runtime; the number of threads is fixed with the first call. */
async function load(threads) {
  const here = (path) => new URL(path, import.meta.url).href;
  card = await (await fetched(here("model_card.json"))).json();
  const [ort, binary, model] = await Promise.all([
    import(here("runtime/ort.wasm.min.mjs")),
    fetched(here("runtime/ort-wasm-simd-threaded.wasm.gz")).then(unpacked),
    fetched(here("model.onnx")).then((answer) => answer.arrayBuffer()),
  ]);
  ort.env.wasm.wasmPaths = here("runtime/");
  ort.env.wasm.wasmBinary = binary;
  ort.env.wasm.numThreads = threads;
  const made = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const [name] = made.inputNames;
  session = async (values, shape) => {
    const output = await made.run({ [name]: new ort.Tensor("float32", values, shape) });
    return made.outputNames.map((each) => output[each].data);
  };
  // The first runs are slower, because the browser is still compiling.
  const example = card.input.shape.map((size) => size ?? 64).with(0, 1);
  await session(new Float32Array(example.reduce((a, b) => a * b)), example);
}

async function fetched(address) {
  const answer = await fetch(address).catch(() => null);
  if (answer?.ok) return answer;
  throw new Refusal(
    `${new URL(address).pathname} could not be loaded (${answer ? answer.status : "no answer"}). ` +
      "Is the page's folder complete, and is its server still running?",
  );
}

/** Content that was compressed by gzip, unless the server has unpacked it already. */
async function unpacked(answer) {
  const content = await answer.arrayBuffer();
  const [first, second] = new Uint8Array(content, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return content;
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function open(file) {
  job = null;
  await loading;
  const started = performance.now();
  const velocity = card.output.units === "m/s";
  job = velocity ? await openGathers(file) : await openSection(file);
  const result = await job.run((done, total) => postMessage({ kind: "progress", done, total }));
  postMessage({ kind: "done", seconds: (performance.now() - started) / 1000, ...result });
}

async function openSection(file) {
  const ending = file.name.toLowerCase().split(".").pop();
  if (ending === "su") {
    throw new Refusal(
      `${file.name} is a Seismic Unix file. Convert it to SEG-Y, or use the command ` +
        "keras-seismic predict.",
    );
  }
  const { section, shape, ...rest } = await (ending === "npy" ? readNpy : readSegy)(file);
  const [samples, traces] = shape;
  checkFinite(section, file.name, (i) => {
    return `trace ${inCommas((i % traces) + 1)}, sample ${inCommas(Math.floor(i / traces) + 1)}`;
  });
  const before = reduced(section, shape, PICTURE);
  postMessage({ kind: "opened", file: file.name, samples, traces, before, ...rest });
  let denoised = null;
  return {
    async run(report) {
      const network = async (values, size) => (await session(values, [1, ...size, 1]))[0];
      denoised = await denoise(section, shape, card.normalization.input, network, report);
      return { after: reduced(denoised, shape, PICTURE).values };
    },
    async save({ strength }) {
      const valueAt = withStrength(section, denoised, strength);
      const name = file.name.replace(/(\.[^.]*)?$/, "_denoised$1");
      if (ending === "npy") {
        return { name, parts: encode(section.map((_, i) => valueAt(i)), shape) };
      }
      const content = await bytesOf(file); // again, so that it is not kept in memory
      const layout = segy.layoutOf(content, content.byteLength, file.name);
      const clipped = segy.replaceSamples(content, layout, valueAt);
      let remark = segy.holdsIntegers(layout) ? "Its samples are whole numbers: rounded." : null;
      if (clipped) remark += ` ${inCommas(clipped)} were clipped to what the file can hold.`;
      return { name, parts: [content], remark };
    },
  };
}

async function readSegy(file) {
  const layout = segy.layoutOf(await bytesOf(file, 0, 3600), file.size, file.name);
  checkSize(file, layout.samples, layout.traces);
  const content = await bytesOf(file);
  const interval = segy.checkTraceHeaders(content, layout, file.name);
  return {
    section: segy.readSamples(content, layout),
    shape: [layout.samples, layout.traces],
    interval,
    summary: segy.describe(layout),
  };
}

async function readNpy(file) {
  const header = await readHeader(file);
  const { shape } = header;
  if (shape.length !== 2 || shape.includes(0)) {
    throw new Refusal(
      `${file.name} holds an array of shape (${shape.join(", ")}). A section has two axes, ` +
        "(time, traces); save one section as such an array.",
    );
  }
  checkSize(file, ...shape);
  const section = await readPart(file, header, 0, shape[0]);
  const summary = `${inCommas(shape[1])} traces of ${inCommas(shape[0])} samples, ${inBytes(file.size)}`;
  return { section, shape, interval: null, summary };
}

function checkSize(file, samples, traces) {
  if (samples * traces <= LARGEST) return;
  throw new Refusal(
    `${file.name} holds ${inCommas(samples * traces)} samples (${inBytes(file.size)}); this page ` +
      `takes up to ${inCommas(LARGEST)} at a time. Cut the file into parts of at most ` +
      `${inCommas(Math.floor(LARGEST / samples))} traces, or use the command keras-seismic predict, ` +
      "which takes files of any size.",
  );
}

async function openGathers(file) {
  if (!file.name.toLowerCase().endsWith(".npy")) {
    throw new Refusal(
      `${file.name} is no .npy file. This page takes shot gathers that numpy.save has written; the ` +
        "command keras-seismic predict also reads SEG-Y.",
    );
  }
  const gathers = await Gathers.open(file, card.input.shape.slice(1));
  const [depth, width] = card.output.shape.slice(1);
  const cells = depth * width;
  const results = [card.output, ...(card.spread ? [card.spread] : [])].map(
    () => new Float32Array(gathers.count * cells),
  );
  const found = (example) => results.map((one) => one.slice(example * cells, (example + 1) * cells));
  const middle = Math.floor(gathers.shape[2] / 2);
  const shown = async (example) => {
    const values = await gathers.read(example);
    const picture = shotOf(values, gathers.shape, middle);
    const before = reduced(picture, gathers.shape.slice(0, 2), PICTURE);
    const [after, spread] = found(example);
    return { example, before, after, spread, values };
  };
  const { values, ...first } = await shown(0);
  postMessage({
    kind: "opened",
    file: file.name,
    examples: gathers.count,
    shot: middle + 1,
    summary:
      `${inCommas(gathers.count)} ${gathers.count > 1 ? "examples" : "example"} of ` +
      `${gathers.shape.join(" × ")} (time × receivers × shots), ${inBytes(file.size)}`,
    remark: oddAmplitudes(values, card.normalization?.input),
    ...first,
  });
  return {
    async run(report) {
      for (let example = 0; example < gathers.count; example++) {
        report(example, gathers.count);
        const outputs = await session(await gathers.read(example), [1, ...gathers.shape]);
        results.forEach((one, i) => {
          checkFinite(outputs[i], "What the model returned", (index) => `index ${index}`);
          one.set(outputs[i], example * cells);
        });
      }
      const [after, spread] = found(0);
      return { after, spread };
    },
    async show({ example }) {
      const { before, after, spread } = await shown(example);
      return { example, before, after, spread };
    },
    async save() {
      const name = file.name.replace(/(\.[^.]*)?$/, "_velocity.npy");
      return { name, parts: encode(results[0], gathers.outputShape([depth, width])) };
    },
  };
}

const TASKS = {
  load: ({ threads }) => (loading = load(threads).then(() => postMessage({ kind: "ready" }))),
  open: ({ file }) => open(file),
  show: async (request) => postMessage({ kind: "shown", ...(await job.show(request)) }),
  save: async (request) => {
    const { name, parts, remark } = await job.save(request);
    postMessage({ kind: "saved", name, remark, blob: new Blob(parts) });
  },
};

onmessage = async ({ data }) => {
  try {
    await TASKS[data.kind](data);
  } catch (error) {
    const memory = error instanceof RangeError || /memory|bad_alloc/i.test(String(error));
    const message =
      error instanceof Refusal
        ? error.message
        : memory
          ? "There is too little memory for this file. Close other tabs, or cut the file into parts."
          : `The computation failed (${error?.message ?? error}). Reload the page and try again.`;
    postMessage({ kind: "failed", message, during: data.kind });
  }
};

postMessage({ kind: "awake" });
