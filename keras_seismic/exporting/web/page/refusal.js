/** What is wrong with a user's file, in a sentence that also says what to do. */
export class Refusal extends Error {}

/** A number of bytes as people write it. */
export function inBytes(count) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), units.length - 1);
  const value = count / 1000 ** power;
  return `${power && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** A whole number with commas. */
export function inCommas(count) {
  return count.toLocaleString("en-US");
}

/** Bytes of a file, or a refusal if it has changed or gone since it was chosen. */
export async function bytesOf(file, first = 0, end = file.size) {
  try {
    return await file.slice(first, end).arrayBuffer();
  } catch {
    throw new Refusal(
      `${file.name} could not be read. It may have been moved or changed, or there is too little ` +
        "memory for it. Choose it again.",
    );
  }
}

/** Refuse NaN and infinity; `place(i)` says where value i is. */
export function checkFinite(values, name, place) {
  let bad = 0;
  let first = -1;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      if (!bad) first = i;
      bad++;
    }
  }
  if (bad) {
    throw new Refusal(
      `${name} holds ${inCommas(bad)} ${bad > 1 ? "values" : "value"} that ${bad > 1 ? "are" : "is"} ` +
        `not finite (NaN or infinity), the first at ${place(first)}. Replace them, for example by ` +
        "zeros, and open the file again.",
    );
  }
}
