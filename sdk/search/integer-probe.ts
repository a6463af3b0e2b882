import type { GraphRunner } from "./graph-runner.ts";

/** Enough vectors and codes for the kernels of large products, and one vector for those of a single row. */
const SHAPES = [
  { tokens: 1, codes: 64 },
  { tokens: 32, codes: 64 },
];

/**
 * Whether onnxruntime's int8 products are what integers multiply to. On processors with AVX2 or AVX-512 but without VNNI
 * they saturate: pairs of products are added in 16 bits.
 */
export async function multipliesIntegersExactly(graphs: GraphRunner, dim: number): Promise<boolean> {
  for (const { tokens, codes } of SHAPES) {
    for (const code of [127, -127]) {
      const feeds = {
        vectors: graphs.tensor("uint8", new Uint8Array(tokens * dim).fill(255), [tokens, dim]),
        scales: graphs.tensor("float32", new Float32Array(tokens).fill(1), [tokens, 1]),
        codes: graphs.tensor("int8", new Int8Array(dim * codes).fill(code), [dim, codes]),
        code_scales: graphs.tensor("float32", new Float32Array(codes).fill(1), [codes]),
        offsets: graphs.tensor("float32", new Float32Array(codes), [codes]),
      };
      const { scores } = await graphs.run("int8_search", feeds, ["scores"]);
      const right = Math.fround(127 * code * dim);
      if ((scores!.data as Float32Array).some((score) => score !== right)) return false;
    }
  }
  return true;
}
