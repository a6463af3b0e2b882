import type { StoredTensor } from "../../sdk/kit.ts";

export interface TensorsSummary {
  readonly parameters: number;
  readonly bytes: number;
  /** Tensors, parameters and bytes of each element type. */
  readonly dtypes: Readonly<Record<string, { tensors: number; parameters: number; bytes: number }>>;
  readonly tensors: readonly { name: string; dtype: string; shape: readonly number[]; bytes: number }[];
}

/** Counts tensors and lists them by name, numbers in it by value. */
export function summarizeTensors(stored: readonly StoredTensor[]): TensorsSummary {
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
  const rows = tensors.map(({ name, dtype, shape, bytes }) => [name, dtype, `[${shape.join(", ")}]`, count(bytes)]);
  return [
    `${total}, ${count(parameters)} parameters, ${count(bytes)} bytes`,
    "",
    ...(rows.length > 0 ? table([["name", "dtype", "shape", "bytes"], ...rows]) : []),
  ];
}

/** Columns as wide as their widest cell, the last one aligned to the right. */
function table(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, i) => (i === row.length - 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  "),
  );
}

const count = (value: number): string => value.toLocaleString("en-US");
