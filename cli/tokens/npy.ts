import { npyHeader } from "../../adapters/npy.ts";

/** The bytes of a .npy file with numbers, row-major. */
export function numbersToNpy(data: Int32Array | Float32Array, shape: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([npyHeader(data instanceof Int32Array ? "<i4" : "<f4", shape), bytes]);
}

/** The bytes of a .npy file with a one-dimensional array of strings (UTF-32, padded with zeros), readable without pickle. */
export function stringsToNpy(strings: readonly string[]): Uint8Array {
  const points = strings.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  const width = Math.max(1, ...points.map((text) => text.length));
  const data = new Uint32Array(strings.length * width);
  points.forEach((text, i) => {
    data.set(text, i * width);
  });
  return Buffer.concat([npyHeader(`<U${width}`, [strings.length]), new Uint8Array(data.buffer)]);
}
