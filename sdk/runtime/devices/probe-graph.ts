import { activation } from "../../nn/layers/activation.ts";
import { attention } from "../../nn/layers/attention.ts";
import { standardise } from "../../nn/layers/norm.ts";
import { GraphBuilder, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";

/** 2,048 tokens of a small vision transformer: enough work that a GPU gains on a CPU, and a tenth of a second on two cores. */
const IMAGES = 8;
const TOKENS = 256;
const WIDTH = 512;
const HEADS = 8;

/** The probe's input: [rows, WIDTH]. */
export const probeInput = (): { data: Float32Array; dims: number[] } => ({
  data: numbers(IMAGES * TOKENS * WIDTH, 1),
  dims: [IMAGES * TOKENS, WIDTH],
});

/**
 * What encoders are made of, once: norm, linear, attention, activation. Weights are constants in the graph, so that it
 * needs no file. Output `y` has both branches beside each other, because attention averages: next to a residual stream
 * its errors would hardly show.
 */
export function buildProbeGraph(settings: { readonly fusedAttention: boolean }): OnnxModel {
  const g = new GraphBuilder("probe", settings);
  const linear = (x: Value, seed: number) =>
    g.gemm(x, g.floats(numbers(WIDTH * WIDTH, seed, 2 / Math.sqrt(WIDTH)), [WIDTH, WIDTH]), null);
  const x = g.input("x", DataType.float, [IMAGES * TOKENS, WIDTH]);
  const h = standardise(g, x, WIDTH, 1e-6);
  const perImage = (seed: number) => g.reshape(linear(h, seed), [IMAGES, TOKENS, WIDTH]);
  const attended = g.reshape(attention(g, perImage(2), perImage(3), perImage(4), HEADS, WIDTH), [-1, WIDTH]);
  const mlp = linear(activation(g, linear(h, 5), "gelu_tanh"), 6);
  g.output("y", g.concat([attended, mlp], 1), DataType.float, [IMAGES * TOKENS, 2 * WIDTH]);
  return g.finish();
}

/** `count` numbers between -sqrt(3) and sqrt(3) times `scale`: mean 0, variance scale², the same on every machine. */
function numbers(count: number, seed: number, scale = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
    return (state / 2 ** 31 - 1) * Math.sqrt(3) * scale;
  });
}
