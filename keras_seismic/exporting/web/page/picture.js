// Sections, gathers and velocity on canvases, with axes.

/** A muted diverging scale for amplitudes: blue, paper, red; and one for velocity, dark to bright. */
const AMPLITUDE = ["#0b3c6f", "#3f7fb5", "#a9cbe2", "#f6f4f0", "#ecb9a2", "#c8553d", "#7a1621"];
const VELOCITY = ["#2b1055", "#3b3f9c", "#2374ab", "#1b9e91", "#62bd5b", "#c9cf3e", "#fde95b"];

/** Numbers of colors between the ones above. */
const SHADES = 256;

function shades(colors) {
  const table = new Uint8ClampedArray(3 * SHADES);
  const parts = colors.map((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)));
  for (let i = 0; i < SHADES; i++) {
    const place = (i / (SHADES - 1)) * (colors.length - 1);
    const low = Math.min(Math.floor(place), colors.length - 2);
    for (let k = 0; k < 3; k++) {
      table[3 * i + k] = parts[low][k] + (parts[low + 1][k] - parts[low][k]) * (place - low);
    }
  }
  return table;
}

const TABLES = { amplitude: shades(AMPLITUDE), velocity: shades(VELOCITY) };

/** An amplitude that few exceed, for the ends of the color scale. */
export function clipOf(values) {
  const magnitudes = values.filter((value) => value !== 0).map(Math.abs).sort();
  return magnitudes[Math.floor(0.98 * (magnitudes.length - 1))] || 1;
}

/** Round numbers, at most so many, between two ends. */
export function ticks(first, last, most) {
  const rough = (last - first) / Math.max(most, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999);
  const places = [];
  for (let n = Math.ceil(first / step); n * step <= last + step * 1e-6; n++) places.push(n * step);
  return places.map((value) => Number(value.toPrecision(12)));
}

/**
 * Draw values on a canvas that fills its box.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {object} picture values, shape [rows, columns], colors "amplitude" or "velocity", range
 *   [least, most], and across and down: {label, first, last} of the axes.
 */
export function draw(canvas, { values, shape, colors, range, across, down }) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width || !height) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const bar = colors === "velocity" ? 64 : 0;
  const box = { x: 52, y: 34, width: width - 53 - bar, height: height - 35 };
  pen.imageSmoothingQuality = "high";
  // Few cells are shown as they are.
  pen.imageSmoothingEnabled = shape[0] > box.height / 3 || shape[1] > box.width / 3;
  pen.drawImage(image(values, shape, TABLES[colors], range), box.x, box.y, box.width, box.height);
  const style = getComputedStyle(canvas);
  pen.font = `12px ${style.fontFamily}`;
  pen.fillStyle = style.color;
  pen.strokeStyle = style.borderColor;
  pen.strokeRect(box.x - 0.5, box.y - 0.5, box.width + 1, box.height + 1);
  axes(pen, box, across, down);
  if (bar) colorBar(pen, box, range);
}

function image(values, [rows, columns], table, [least, most]) {
  const canvas = new OffscreenCanvas(columns, rows);
  const pen = canvas.getContext("2d");
  const pixels = pen.createImageData(columns, rows);
  const factor = SHADES / (most - least || 1);
  for (let i = 0; i < values.length; i++) {
    const shade = Math.max(Math.min(Math.floor((values[i] - least) * factor), SHADES - 1), 0);
    for (let k = 0; k < 3; k++) pixels.data[4 * i + k] = table[3 * shade + k];
    pixels.data[4 * i + 3] = 255;
  }
  pen.putImageData(pixels, 0, 0);
  return canvas;
}

function axes(pen, box, across, down) {
  pen.textBaseline = "alphabetic";
  pen.textAlign = "left";
  pen.fillText(down.label, 0, 12);
  pen.textAlign = "right";
  pen.fillText(across.label, box.x + box.width, 12);
  pen.textAlign = "center";
  const along = ({ first, last }, value) => (value - first) / (last - first || 1);
  for (const value of ticks(across.first, across.last, box.width / 70)) {
    const x = box.x + along(across, value) * box.width;
    pen.fillRect(x - 0.5, box.y - 4, 1, 4);
    const half = pen.measureText(String(value)).width / 2;
    pen.fillText(value, Math.min(x, box.x + box.width - half), box.y - 7);
  }
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const value of ticks(down.first, down.last, box.height / 45)) {
    const y = box.y + along(down, value) * box.height;
    pen.fillRect(box.x - 4, y - 0.5, 4, 1);
    pen.fillText(value, box.x - 7, Math.min(y, box.y + box.height - 6));
  }
}

function colorBar(pen, box, range) {
  const x = box.x + box.width + 12;
  const column = Float32Array.from({ length: SHADES }, (_, i) => 1 - i / SHADES);
  pen.drawImage(image(column, [SHADES, 1], TABLES.velocity, [0, 1]), x, box.y, 10, box.height);
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const value of ticks(...range, box.height / 45)) {
    const y = box.y + box.height * (1 - (value - range[0]) / (range[1] - range[0] || 1));
    pen.fillText(value, x + 15, Math.min(Math.max(y, box.y + 6), box.y + box.height - 6));
  }
}
