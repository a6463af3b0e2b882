import type { Model } from "../../../sdk/families/model.ts";
import { buildCodeTables } from "../../../sdk/search/build-code-tables.ts";
import { CodeSearch } from "../../../sdk/search/code-search.ts";
import { int64, run } from "../graph/session.ts";
import { searchGraphs } from "./runner.ts";

/** The quantizer's input [t, layers * D] -> the ids of its t tokens, as a worker finds them. */
export async function quantize(
  { graphs, codebook }: Pick<Model, "graphs" | "codebook">,
  input: { readonly data: Float32Array; readonly shape: readonly number[] },
): Promise<Int32Array> {
  const { size, dim } = codebook!;
  const all = int64(Array.from({ length: size }, (_, id) => id));
  const codes = (await run(graphs.codebook!({}), { ids: { data: all, shape: [size] } })).vectors!;
  const { vectors } = await run(graphs.quantize!({}), { quantizer_input: input });
  const search = await searchGraphs(size);
  const tables = await buildCodeTables(search, codes.data as Float32Array, size, dim);
  return new CodeSearch(search, tables).nearest(vectors!.data as Float32Array);
}
