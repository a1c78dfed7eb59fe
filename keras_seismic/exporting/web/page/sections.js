// Sections of any size through a network, as keras_seismic.inference.denoise does it: normalized as
// a whole, in overlapping windows that blend into each other, back to raw amplitudes.

import { Refusal } from "./refusal.js";

/** Longest side of a window, and what neighbors share: samples and traces. */
const LARGEST = 512;
const OVERLAP = 64;

/**
 * Offset and scale of a section: normalized = (section - offset) / scale.
 *
 * @param {Float32Array} section
 * @param {{mode: string, percentile: number}} normalization the settings of SectionNormalization.
 */
export function statistics(section, { mode, percentile }) {
  let [least, most, peak, live] = [Infinity, -Infinity, 0, 0];
  for (const value of section) {
    if (value < least) least = value;
    if (value > most) most = value;
    if (value !== 0) live++;
  }
  peak = Math.max(Math.abs(least), Math.abs(most));
  let [offset, scale] = [0, peak];
  if (mode === "range") {
    [offset, scale] = [least, Math.fround(most - least)];
  } else if (mode === "percentile") {
    scale = percentileOfNonzero(section, live, percentile);
  } else if (mode === "rms" && peak) {
    let total = 0;
    for (const value of section) total += (value / peak) ** 2;
    scale = Math.fround(peak * Math.sqrt(total / Math.max(live, 1)));
  }
  return { offset, scale: scale > 0 ? scale : 1 };
}

function percentileOfNonzero(section, live, percentile) {
  if (!live) return 0;
  const magnitudes = section.filter((value) => value !== 0).map(Math.abs).sort();
  const position = Math.fround(Math.fround(live - 1) * Math.fround(percentile / 100));
  const below = Math.min(Math.floor(position), live - 1);
  const above = Math.min(below + 1, live - 1);
  return magnitudes[below] + (magnitudes[above] - magnitudes[below]) * (position - below);
}

/** Size of a window along an axis: a multiple of 16, with as few windows as possible. */
export function fittingWindow(length) {
  const count = Math.max(Math.ceil((length - OVERLAP) / (LARGEST - OVERLAP)), 1);
  return Math.ceil((length + (count - 1) * OVERLAP) / count / 16) * 16;
}

/** Starts of the windows along an axis, and for each its weights, which sum to one everywhere. */
export function blending(length, size, overlap) {
  const starts = [];
  for (let start = 0; start < length - size; start += size - overlap) starts.push(start);
  starts.push(length - size);
  const weight = Float64Array.from({ length: size }, (_, i) => {
    const ramp = (Math.min(i, size - 1 - i) + 0.5) / Math.max(overlap, 1);
    return Math.sin((Math.PI / 2) * Math.min(ramp, 1)) ** 2;
  });
  const total = new Float64Array(length);
  for (const start of starts) weight.forEach((value, i) => (total[start + i] += value));
  return starts.map((start) => ({ start, weights: weight.map((v, i) => v / total[start + i]) }));
}

/**
 * A section without its noise.
 *
 * @param {Float32Array} section [time, traces], finite.
 * @param {number[]} shape samples and traces.
 * @param {object} normalization the settings of SectionNormalization.
 * @param {function(Float32Array, number[]): Promise<Float32Array>} network for one window.
 * @param {function(number, number)} report is told how many windows are done, and of how many.
 * @returns {Promise<Float32Array>}
 */
export async function denoise(section, shape, normalization, network, report) {
  const { offset, scale } = statistics(section, normalization);
  const clips = normalization.mode === "percentile";
  const size = shape.map(fittingWindow);
  const padded = shape.map((n, axis) => Math.max(n, size[axis]));
  const [rows, columns] = padded.map((n, axis) =>
    blending(n, size[axis], Math.min(OVERLAP, size[axis] >> 1)),
  );
  const sum = new Float64Array(section.length);
  const window = new Float32Array(size[0] * size[1]);
  let done = 0;
  report(0, rows.length * columns.length);
  for (const row of rows) {
    for (const column of columns) {
      for (let r = 0; r < size[0]; r++) {
        const from = mirrored(row.start + r, shape[0]) * shape[1];
        for (let c = 0; c < size[1]; c++) {
          const value = section[from + mirrored(column.start + c, shape[1])];
          const normalized = Math.fround(value - offset) / scale;
          window[r * size[1] + c] = clips ? Math.max(Math.min(normalized, 1), -1) : normalized;
        }
      }
      const output = await network(window, size);
      addWindow(sum, shape, output, size, row, column);
      report(++done, rows.length * columns.length);
    }
  }
  const denoised = Float32Array.from(sum, (value) =>
    Math.fround(Math.fround(Math.fround(value) * scale) + offset),
  );
  keepMute(denoised, section, shape);
  return denoised;
}

/** Index within a section that is mirrored at its end until it fills a window. */
function mirrored(index, length) {
  const place = index % (2 * length);
  return place < length ? place : 2 * length - 1 - place;
}

function addWindow(sum, shape, output, size, row, column) {
  for (let r = 0; r < size[0] && row.start + r < shape[0]; r++) {
    const to = (row.start + r) * shape[1] + column.start;
    for (let c = 0; c < size[1] && column.start + c < shape[1]; c++) {
      const value = output[r * size[1] + c];
      if (!Number.isFinite(value)) {
        throw new Refusal(
          "The network returned values that are not finite. Check the amplitudes of the section: " +
            "are a few of them millions of times larger than the rest?",
        );
      }
      sum[to + c] += value * row.weights[r] * column.weights[c];
    }
  }
}

/** Leave the zeros above the first and below the last nonzero sample of each trace as they are. */
function keepMute(denoised, section, [samples, traces]) {
  for (let i = 0; i < traces; i++) {
    let begin = 0;
    let end = samples - 1;
    while (begin < samples && section[begin * traces + i] === 0) begin++;
    while (end >= begin && section[end * traces + i] === 0) end--;
    for (let t = 0; t < samples; t++) {
      if (t < begin || t > end) denoised[t * traces + i] = section[t * traces + i];
    }
  }
}

/** The section with a part of what was found to be noise removed. */
export function withStrength(section, denoised, strength) {
  return (i) =>
    strength === 1
      ? denoised[i]
      : Math.fround(section[i] - Math.fround(strength * Math.fround(section[i] - denoised[i])));
}

/** A section reduced to at most so many rows and columns, for drawing. */
export function reduced(values, [rows, columns], most) {
  const steps = [rows, columns].map((n) => Math.ceil(n / most));
  const shape = [Math.ceil(rows / steps[0]), Math.ceil(columns / steps[1])];
  const picture = new Float32Array(shape[0] * shape[1]);
  for (let r = 0; r < shape[0]; r++) {
    for (let c = 0; c < shape[1]; c++) {
      picture[r * shape[1] + c] = values[r * steps[0] * columns + c * steps[1]];
    }
  }
  return { values: picture, shape };
}
