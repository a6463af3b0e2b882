/** The NPY format, version 1.0 (numpy.lib.format): a header as a Python literal, then the elements. */

const MAGIC = "\u0093NUMPY\u0001\u0000";
/** The elements start at a multiple of this. */
const ALIGNMENT = 64;

/** The bytes of a .npy file with numbers, row-major. */
export function numbersToNpy(data: Int32Array | Float32Array, shape: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return npy(data instanceof Int32Array ? "<i4" : "<f4", shape, bytes);
}

/** The bytes of a .npy file with a one-dimensional array of strings (UTF-32, padded with zeros), readable without pickle. */
export function stringsToNpy(strings: readonly string[]): Uint8Array {
  const points = strings.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  const width = Math.max(1, ...points.map((text) => text.length));
  const data = new Uint32Array(strings.length * width);
  points.forEach((text, i) => {
    data.set(text, i * width);
  });
  return npy(`<U${width}`, [strings.length], new Uint8Array(data.buffer));
}

function npy(descr: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = MAGIC.length + 2;
  const length = Math.ceil((start + literal.length + 1) / ALIGNMENT) * ALIGNMENT - start;
  const file = Buffer.alloc(start + length + data.length);
  file.write(MAGIC, "latin1");
  file.writeUInt16LE(length, MAGIC.length);
  file.write(`${literal.padEnd(length - 1)}\n`, start, "latin1");
  file.set(data, start + length);
  return file;
}
