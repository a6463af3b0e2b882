import type { Checkpoint } from "../../../sdk/families/checkpoint.ts";
import { buildCodebookGraph, buildQuantizerGraph } from "../../../sdk/families/vqrae/quantizer.ts";
import { buildCodeTables } from "../../../sdk/search/build-code-tables.ts";
import { CodeSearch } from "../../../sdk/search/code-search.ts";
import { int64, run } from "../graph/session.ts";
import { searchGraphs } from "./runner.ts";

/** The quantizer's input [t, layers * D] -> the ids of its t tokens, as a worker finds them. */
export async function quantize(
  checkpoint: Checkpoint,
  input: { readonly data: Float32Array; readonly shape: readonly number[] },
): Promise<Int32Array> {
  const { size, dim } = checkpoint.quantizer!;
  const all = int64(Array.from({ length: size }, (_, id) => id));
  const codes = (await run(buildCodebookGraph(checkpoint), { ids: { data: all, shape: [size] } })).vectors!;
  const { vectors } = await run(buildQuantizerGraph(checkpoint), { quantizer_input: input });
  const graphs = await searchGraphs(size);
  const tables = await buildCodeTables(graphs, codes.data as Float32Array, size, dim);
  return new CodeSearch(graphs, tables).nearest(vectors!.data as Float32Array);
}
