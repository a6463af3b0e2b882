import type { CheckpointTensor } from "../../sdk/kit.ts";

export interface TensorsSummary {
  readonly parameters: number;
  readonly bytes: number;
  /** Tensors, parameters and bytes of each element type. */
  readonly dtypes: Readonly<Record<string, { tensors: number; parameters: number; bytes: number }>>;
  readonly tensors: readonly { name: string; dtype: string; shape: readonly number[]; bytes: number }[];
}

/** Counts tensors and lists them by name: "block.2" comes before "block.10". */
export function summarizeTensors(stored: readonly CheckpointTensor[]): TensorsSummary {
  const dtypes: Record<string, { tensors: number; parameters: number; bytes: number }> = {};
  let parameters = 0;
  let bytes = 0;
  for (const { dtype, shape, length } of stored) {
    const count = shape.reduce((product, size) => product * size, 1);
    const sum = (dtypes[dtype] ??= { tensors: 0, parameters: 0, bytes: 0 });
    sum.tensors += 1;
    sum.parameters += count;
    sum.bytes += length;
    parameters += count;
    bytes += length;
  }
  const order = new Intl.Collator("en", { numeric: true });
  const tensors = stored
    .map(({ name, dtype, shape, length }) => ({ name, dtype, shape, bytes: length }))
    .sort((a, b) => order.compare(a.name, b.name));
  return { parameters, bytes, dtypes, tensors };
}

export function tensorLines({ parameters, bytes, dtypes, tensors }: TensorsSummary): string[] {
  const kinds = Object.entries(dtypes).map(([dtype, { tensors }]) => `${tensors} ${dtype}`);
  const total = `${count(tensors.length)} tensors (${kinds.join(", ") || "none"})`;
  const rows = tensors.map(({ name, dtype, shape, bytes }) => ({
    name,
    dtype,
    shape: `[${shape.join(", ")}]`,
    bytes: count(bytes),
  }));
  return [
    `${total}, ${count(parameters)} parameters, ${count(bytes)} bytes`,
    "",
    ...(rows.length > 0 ? table([{ name: "name", dtype: "dtype", shape: "shape", bytes: "bytes" }, ...rows]) : []),
  ];
}

interface Row {
  readonly name: string;
  readonly dtype: string;
  readonly shape: string;
  readonly bytes: string;
}

/** Columns as wide as their widest cell, the last one aligned to the right. */
function table(rows: readonly Row[]): string[] {
  const widest = (column: keyof Row) => Math.max(...rows.map((row) => row[column].length));
  const widths = { name: widest("name"), dtype: widest("dtype"), shape: widest("shape"), bytes: widest("bytes") };
  return rows.map(({ name, dtype, shape, bytes }) =>
    [
      name.padEnd(widths.name),
      dtype.padEnd(widths.dtype),
      shape.padEnd(widths.shape),
      bytes.padStart(widths.bytes),
    ].join("  "),
  );
}

const digits = new Intl.NumberFormat("en-US");
const count = (value: number): string => digits.format(value);
