// Shot gathers in .npy files, in Keras' layout or OpenFWI's, one example at a time.

import { readHeader, readPart } from "./npy.js";
import { Refusal, checkFinite, inCommas } from "./refusal.js";

/** Peaks this many times above or below those in training suggest another unit or source. */
const ODD_SCALE = 5;

/** The gathers of a file, which stay there until they are read. */
export class Gathers {
  /**
   * @param {File} file
   * @param {number[]} shape that the network takes: time, receivers, shots.
   */
  static async open(file, shape) {
    const header = await readHeader(file);
    const openfwi = [shape[2], shape[0], shape[1]];
    const given = header.shape.slice(-3);
    const layouts = [shape, openfwi].map((layout) => layout.every((n, i) => n === given[i]));
    const many = header.shape.length === 4;
    if (!layouts.includes(true) || !(many || header.shape.length === 3) || !header.shape[0]) {
      throw new Refusal(
        `${file.name} holds an array of ${inWords(header.shape)}. The model takes shot gathers ` +
          `(time, receivers, shots) of ${inWords(shape)}, or (shots, time, receivers) of ` +
          `${inWords(openfwi)}, one example or several. Open an array of that shape; the command ` +
          "keras-seismic predict resamples lines of other geometries.",
      );
    }
    // A single example is read as the only one of a batch.
    const sizes = many ? header.shape : [1, ...header.shape];
    return new Gathers(file, { ...header, shape: sizes }, shape, !layouts[0], many);
  }

  constructor(file, header, shape, openfwi, many) {
    Object.assign(this, { file, header, shape, openfwi, many, count: header.shape[0] });
  }

  /** One example, [time, receivers, shots], finite. */
  async read(example) {
    const values = await readPart(this.file, this.header, example, 1);
    const which = this.count > 1 ? `Example ${inCommas(example)} of ${this.file.name}` : this.file.name;
    const sizes = this.header.shape.slice(1);
    checkFinite(values, which, (i) => `index ${inWords(indexOf(i, sizes), "[]")}`);
    return this.openfwi ? shotsLast(values, this.shape) : values;
  }

  /** Shape of the velocity in its file, in the layout of the gathers. */
  outputShape([depth, width]) {
    if (!this.many) return [depth, width];
    return this.openfwi ? [this.count, 1, depth, width] : [this.count, depth, width];
  }
}

/** A remark on gathers whose amplitudes are on another scale than those in training, or null. */
export function oddAmplitudes(values, normalization) {
  const { data_min: least, data_max: most } = normalization ?? {};
  if (least == null || most == null) return null;
  const trained = Math.max(Math.abs(least), Math.abs(most));
  const peak = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  if (peak >= trained / ODD_SCALE && peak <= trained * ODD_SCALE) return null;
  return (
    `The largest amplitude is ${Number(peak.toPrecision(3))}, but the model was trained on up to ` +
    `${Number(trained.toPrecision(3))}. If the gathers are in another unit or of another source, ` +
    "scale them first; the velocity is unreliable otherwise."
  );
}

/** Shot s of an example, [time, receivers]. */
export function shotOf(values, [samples, receivers, shots], shot) {
  return Float32Array.from({ length: samples * receivers }, (_, i) => values[i * shots + shot]);
}

function shotsLast(values, [samples, receivers, shots]) {
  const moved = new Float32Array(values.length);
  const each = samples * receivers;
  for (let s = 0; s < shots; s++) {
    for (let i = 0; i < each; i++) moved[i * shots + s] = values[s * each + i];
  }
  return moved;
}

function indexOf(flat, sizes) {
  const index = [];
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    index.unshift(flat % sizes[axis]);
    flat = Math.floor(flat / sizes[axis]);
  }
  return index;
}

function inWords(shape, [open, close] = "()") {
  return `${open}${shape.join(", ")}${close}`;
}
