import { unzipSync } from "fflate";

export interface NpyArray {
  readonly descr: string;
  readonly shape: number[];
  readonly data: Int32Array | Float32Array | string[];
}

/** Reads a .npz file as numpy.load does: by each array's own header. */
export function readNpz(bytes: Uint8Array): Record<string, NpyArray> {
  return Object.fromEntries(
    Object.entries(unzipSync(bytes)).map(([name, entry]) => [name.replace(/\.npy$/, ""), readNpy(entry)]),
  );
}

export function readNpy(bytes: Uint8Array): NpyArray {
  const text = Buffer.from(bytes).toString("latin1");
  const start = 10 + Buffer.from(bytes).readUInt16LE(8);
  const [, descr, shape] = /^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([^)]*)\), \} *\n$/.exec(
    text.slice(10, start),
  )!;
  if (!text.startsWith("\u0093NUMPY\u0001\u0000") || start % 64 !== 0) throw new Error("no NPY header");
  const data = new Uint8Array(bytes).slice(start).buffer; // a copy: elements must lie aligned
  const sizes = shape!.split(",").filter(Boolean).map(Number);
  return { descr: descr!, shape: sizes, data: elements(descr!, data) };
}

function elements(descr: string, data: ArrayBuffer): NpyArray["data"] {
  if (descr === "<i4") return new Int32Array(data);
  if (descr === "<f4") return new Float32Array(data);
  const width = Number(descr.slice("<U".length));
  const points = [...new Uint32Array(data)];
  return Array.from({ length: points.length / width }, (_, i) =>
    String.fromCodePoint(...points.slice(i * width, (i + 1) * width).filter((point) => point > 0)),
  );
}
