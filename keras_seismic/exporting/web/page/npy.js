// NumPy's .npy files: the header, checked against the file's size; parts of it as numbers; and back.

import { Refusal, bytesOf, inCommas } from "./refusal.js";

/** The longest header that is read, bytes. */
const HEADER = 2 ** 16;

/** Arrays in Fortran order must be read whole; up to this size, bytes. */
const LARGEST_WHOLE = 2 ** 29;

const READERS = {
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
  i1: (view, at) => view.getInt8(at),
  i2: (view, at, little) => view.getInt16(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  u1: (view, at) => view.getUint8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
};

/**
 * Shape and type of the array in a file, and where its numbers begin.
 *
 * @param {File} file
 */
export async function readHeader(file) {
  const start = new DataView(await bytesOf(file, 0, HEADER));
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
  const version = start.byteLength < 12 ? 0 : start.getUint8(6);
  if (![1, 2].includes(version) || magic.some((byte, i) => start.getUint8(i) !== byte)) {
    throw new Refusal(
      `${file.name} is no NumPy .npy file. Write one with numpy.save(name, array) and open that.`,
    );
  }
  const length = version === 1 ? start.getUint16(8, true) : start.getUint32(8, true);
  const textAt = version === 1 ? 10 : 12;
  const text = new TextDecoder("latin1").decode(
    new Uint8Array(start.buffer, textAt, Math.max(Math.min(length, start.byteLength - textAt), 0)),
  );
  const type = /'descr':\s*'([<>|=])([a-zA-Z])(\d+)'/.exec(text);
  const order = /'fortran_order':\s*(True|False)/.exec(text);
  const sizes = /'shape':\s*\(([\d\s,]*)\)/.exec(text);
  if (!order || !sizes) {
    throw new Refusal(`${file.name}: its header is damaged. Write the file again with numpy.save.`);
  }
  const kind = type && type[2] + type[3];
  if (!(kind in READERS)) {
    throw new Refusal(
      `${file.name} holds ${type ? `numbers of type ${kind}` : "no plain numbers"}. Save it as ` +
        'float32: numpy.save(name, array.astype("float32")).',
    );
  }
  const shape = sizes[1].split(",").filter((size) => size.trim()).map(Number);
  const header = {
    shape,
    kind,
    bytes: Number(type[3]),
    little: type[1] !== ">",
    fortran: order[1] === "True",
    offset: textAt + length,
  };
  const expected = header.offset + shape.reduce((a, b) => a * b, 1) * header.bytes;
  if (file.size !== expected) {
    throw new Refusal(
      `${file.name} is ${file.size < expected ? "truncated" : "damaged"}: its header promises ` +
        `${inCommas(expected)} bytes, but it has ${inCommas(file.size)}. Copy it again from where ` +
        "it came from.",
    );
  }
  return header;
}

/**
 * A part of the array along its first axis as float32, in C order.
 *
 * @param {File} file
 * @param {object} header what readHeader returned.
 * @param {number} first index.
 * @param {number} count how many.
 */
export async function readPart(file, header, first, count) {
  const { shape, bytes, offset, fortran } = header;
  const step = shape.slice(1).reduce((a, b) => a * b, 1);
  const values = new Float32Array(count * step);
  const read = READERS[header.kind];
  if (!fortran) {
    const at = offset + first * step * bytes;
    const view = new DataView(await bytesOf(file, at, at + values.length * bytes));
    for (let i = 0; i < values.length; i++) values[i] = read(view, i * bytes, header.little);
    return values;
  }
  if (file.size > LARGEST_WHOLE) {
    throw new Refusal(
      `${file.name} is stored in Fortran order, which this page reads up to 0.5 GB. Save ` +
        "numpy.ascontiguousarray(array) instead.",
    );
  }
  const view = new DataView(await bytesOf(file, offset));
  const index = shape.map((_, axis) => (axis ? 0 : first));
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, bytes));
  for (let i = 0; i < values.length; i++) {
    const at = index.reduce((sum, n, axis) => sum + n * strides[axis], 0);
    values[i] = read(view, at, header.little);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis] && axis; axis--) {
      index[axis] = 0;
    }
  }
  return values;
}

/** The parts of a .npy file of float32 numbers, for a Blob. */
export function encode(values, shape) {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${sizes}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const start = new Uint8Array(10 + padded.length);
  start.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 0xff, padded.length >> 8]);
  start.set(new TextEncoder().encode(padded), 10);
  return [start, values];
}
