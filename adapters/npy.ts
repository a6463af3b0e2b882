/** The NPY format, version 1.0 (numpy.lib.format): a header as a Python literal, then the elements. */

const MAGIC = "\u0093NUMPY\u0001\u0000";
/** The elements start at a multiple of this. */
const ALIGNMENT = 64;

/** @param type as numpy names it, such as "<i4" */
export function npyHeader(type: string, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const literal = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = MAGIC.length + 2;
  const length = Math.ceil((start + literal.length + 1) / ALIGNMENT) * ALIGNMENT - start;
  const header = Buffer.alloc(start + length);
  header.write(MAGIC, "latin1");
  header.writeUInt16LE(length, MAGIC.length);
  header.write(`${literal.padEnd(length - 1)}\n`, start, "latin1");
  return header;
}
