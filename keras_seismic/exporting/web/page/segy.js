// SEG-Y: where the traces of a file are, their samples as numbers, and the same file with other
// samples. The checks and conversions are those of the Python package (keras_seismic.io.segy).

import { Refusal, inBytes, inCommas } from "./refusal.js";

const TEXT = 3200;
const BINARY = 400;
const HEADER = 240;

/** Sample formats: name, bytes, and the smallest and largest number if they are integers. */
const FORMATS = {
  1: { name: "IBM float", bytes: 4 },
  2: { name: "32-bit integer", bytes: 4, least: -(2 ** 31), most: 2 ** 31 - 1 },
  3: { name: "16-bit integer", bytes: 2, least: -(2 ** 15), most: 2 ** 15 - 1 },
  5: { name: "IEEE float", bytes: 4 },
  6: { name: "64-bit float", bytes: 8 },
  8: { name: "8-bit integer", bytes: 1, least: -128, most: 127 },
  10: { name: "unsigned 32-bit integer", bytes: 4, least: 0, most: 2 ** 32 - 1 },
  11: { name: "unsigned 16-bit integer", bytes: 2, least: 0, most: 2 ** 16 - 1 },
  16: { name: "unsigned 8-bit integer", bytes: 1, least: 0, most: 255 },
};

/** Formats of the standard that are not read. */
const OTHERS = {
  4: "fixed point with gain",
  7: "3-byte integer",
  9: "8-byte integer",
  12: "unsigned 8-byte integer",
  15: "unsigned 3-byte integer",
};

/** (-1)^sign 16^(exponent - 64) / 2^24 for each first byte of an IBM float; all are exact. */
const IBM_UNITS = Float64Array.from(
  { length: 256 },
  (_, byte) => (byte < 128 ? 1 : -1) * 2 ** (4 * (byte % 128) - 280),
);

/**
 * The layout of a SEG-Y file from its first 3,600 bytes and its size.
 *
 * @param {ArrayBuffer} start its first bytes.
 * @param {number} size of the whole file in bytes.
 * @param {string} name of the file, for messages.
 */
export function layoutOf(start, size, name) {
  if (size < TEXT + BINARY + HEADER) {
    throw new Refusal(
      `${name} is no SEG-Y file: its ${inCommas(size)} bytes cannot hold the headers and one ` +
        "trace. Choose another file.",
    );
  }
  const binary = new DataView(start, TEXT, BINARY);
  const { little, code } = sampleFormat(binary, name);
  const samples = binary.getUint16(20, little);
  const extended = binary.getInt16(304, little);
  if (samples === 0) {
    throw new Refusal(
      `${name}: the binary header says that traces have 0 samples. Correct bytes 3221-3222 of the ` +
        "file, or export it again.",
    );
  }
  if (extended < 0) {
    throw new Refusal(
      `${name}: the binary header leaves the number of extended text headers open (${extended}). ` +
        "Write their number into bytes 3505-3506, or export the file again.",
    );
  }
  const first = TEXT * (1 + extended) + BINARY;
  const traceBytes = HEADER + samples * FORMATS[code].bytes;
  const traces = Math.floor(Math.max(size - first, 0) / traceBytes);
  const left = size - first - traces * traceBytes;
  if (!traces || left) {
    throw new Refusal(
      `${name} is truncated or damaged, or its traces have different lengths: its headers say ` +
        `${inCommas(samples)} samples of format ${code} in each trace, ${inCommas(traceBytes)} ` +
        `bytes, but after ${inCommas(traces)} whole traces ${inCommas(Math.max(left, 0))} bytes are ` +
        "left. Copy the file again from where it came from.",
    );
  }
  const interval = binary.getUint16(16, little);
  return { little, code, samples, traces, first, traceBytes, interval, size };
}

function sampleFormat(binary, name) {
  const codes = [false, true].map((little) => ({ little, code: binary.getInt16(24, little) }));
  const known = codes.find(({ code }) => code in FORMATS);
  if (known) return known;
  const other = codes.find(({ code }) => code in OTHERS);
  if (other) {
    throw new Refusal(
      `${name}: its samples are of format ${other.code} (${OTHERS[other.code]}), which this page ` +
        "does not read. Convert it to IEEE or IBM floats first.",
    );
  }
  throw new Refusal(
    `${name} does not look like a SEG-Y file: bytes 3225-3226 hold no sample format that is known. ` +
      "Choose a file in SEG-Y format (.sgy or .segy).",
  );
}

/** The layout in words: "305 traces of 2,001 samples, IBM float". */
export function describe(layout) {
  return (
    `${inCommas(layout.traces)} traces of ${inCommas(layout.samples)} samples, ` +
    `${FORMATS[layout.code].name}, ${inBytes(layout.size)}`
  );
}

/** Whether the samples are whole numbers. */
export function holdsIntegers(layout) {
  return "least" in FORMATS[layout.code];
}

/**
 * Sample interval in s that all headers agree on, or null; refuses traces of other lengths.
 *
 * @param {ArrayBuffer} content of the whole file.
 */
export function checkTraceHeaders(content, layout, name) {
  const view = new DataView(content);
  const intervals = new Set([layout.interval]);
  let wrong = 0;
  let example = "";
  for (let i = 0; i < layout.traces; i++) {
    const header = layout.first + i * layout.traceBytes;
    const count = view.getUint16(header + 114, layout.little);
    intervals.add(view.getUint16(header + 116, layout.little));
    if (count !== 0 && count !== layout.samples) {
      if (!wrong) example = `trace ${inCommas(i + 1)} has ${inCommas(count)}`;
      wrong++;
    }
  }
  if (wrong) {
    throw new Refusal(
      `${name}: all traces must have the ${inCommas(layout.samples)} samples that the binary header ` +
        `states, but ${inCommas(wrong)} trace headers say otherwise; ${example}. Cut or pad the ` +
        "traces to one length.",
    );
  }
  intervals.delete(0);
  return intervals.size === 1 ? [...intervals][0] * 1e-6 : null;
}

/** All samples as numbers, time by time: value [t, i] is at t * traces + i. */
export function readSamples(content, layout) {
  const { samples, traces } = layout;
  const values = new Float32Array(samples * traces);
  forEachSample(content, layout, (view, at, index, read) => {
    values[index] = read(view, at);
  });
  return values;
}

/**
 * Put other samples into the content of a file. A sample whose value does not change keeps its bytes.
 *
 * @param {ArrayBuffer} content of the whole file; it is changed.
 * @param {function(number): number} valueAt the new value at t * traces + i.
 * @returns {number} how many had to be clipped to what the file's integers can hold.
 */
export function replaceSamples(content, layout, valueAt) {
  const write = WRITERS[layout.code];
  const { least, most } = FORMATS[layout.code];
  let clipped = 0;
  forEachSample(content, layout, (view, at, index, read) => {
    let value = valueAt(index);
    if (Math.fround(read(view, at)) === value) return;
    if (least !== undefined) {
      const whole = rounded(value);
      value = Math.min(Math.max(whole, least), most);
      if (value !== whole) clipped++;
    }
    write(view, at, value, layout.little);
  });
  return clipped;
}

function forEachSample(content, layout, visit) {
  const { samples, traces, first, traceBytes, little, code } = layout;
  const view = new DataView(content);
  const { bytes } = FORMATS[code];
  const read = (data, at) => READERS[code](data, at, little);
  for (let i = 0; i < traces; i++) {
    let at = first + i * traceBytes + HEADER;
    for (let t = 0; t < samples; t++, at += bytes) visit(view, at, t * traces + i, read);
  }
}

/** To the nearest whole number, ties to even, as NumPy rounds. */
function rounded(value) {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 ? up - 1 : up;
}

const READERS = {
  1: (view, at, little) => {
    const word = view.getUint32(at, little);
    return (word & 0xffffff) * IBM_UNITS[word >>> 24];
  },
  2: (view, at, little) => view.getInt32(at, little),
  3: (view, at, little) => view.getInt16(at, little),
  5: (view, at, little) => view.getFloat32(at, little),
  6: (view, at, little) => view.getFloat64(at, little),
  8: (view, at) => view.getInt8(at),
  10: (view, at, little) => view.getUint32(at, little),
  11: (view, at, little) => view.getUint16(at, little),
  16: (view, at) => view.getUint8(at),
};

const WRITERS = {
  1: (view, at, value, little) => view.setUint32(at, ibmWord(value), little),
  2: (view, at, value, little) => view.setInt32(at, value, little),
  3: (view, at, value, little) => view.setInt16(at, value, little),
  5: (view, at, value, little) => view.setFloat32(at, value, little),
  6: (view, at, value, little) => view.setFloat64(at, value, little),
  8: (view, at, value) => view.setInt8(at, value),
  10: (view, at, value, little) => view.setUint32(at, value, little),
  11: (view, at, value, little) => view.setUint16(at, value, little),
  16: (view, at, value) => view.setUint8(at, value),
};

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** A float32 as an IBM float, a four-byte word, cut to 21 to 24 bits. */
function ibmWord(value) {
  FLOAT[0] = value;
  const bits = BITS[0];
  const exponent = ((bits >>> 23) & 0xff) - 126;
  if (exponent === -126) return 0; // zero, and what is below 1.2e-38
  const digits = (exponent + 3) >> 2; // of 16, rounded up
  const fraction = ((bits & 0x7fffff) | 0x800000) >>> (4 * digits - exponent);
  return ((bits & 0x80000000) | ((digits + 64) << 24) | fraction) >>> 0;
}
