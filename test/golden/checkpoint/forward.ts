import type { BlockRef, EncoderSpec, LayerNormRef, LinearRef } from "../../../sdk/checkpoint/checkpoint.ts";
import { readTensor } from "../../../sdk/checkpoint/read-tensor.ts";

/** Rows of numbers: [tokens][features]. */
type Rows = number[][];

/**
 * The encoder in plain loops, to prove that every tensor was found in its right place.
 * Pixels [3, S, S] -> the residual stream before and after each block, then the final norm of the last.
 */
export async function forward(encoder: EncoderSpec, pixels: Float32Array): Promise<Rows[]> {
  let x = await embed(encoder, pixels);
  const states = [x];
  for (const block of encoder.blocks) states.push((x = await runBlock(x, block, encoder)));
  return [...states, await layerNorm(x, encoder.finalNorm, encoder.layerNormEps)];
}

async function embed(encoder: EncoderSpec, pixels: Float32Array): Promise<Rows> {
  const { grid, patchSize: p, imageSize: s, hiddenSize: d } = encoder;
  const patches = Array.from({ length: grid * grid }, (_, token) =>
    Array.from({ length: 3 * p * p }, (_, i) => {
      const [channel, row, column] = [Math.floor(i / (p * p)), Math.floor(i / p) % p, i % p];
      const [y, x] = [Math.floor(token / grid) * p + row, (token % grid) * p + column];
      return pixels[(channel * s + y) * s + x]!;
    }),
  );
  const tokens = await linear(patches, encoder.patchEmbedding);
  if (encoder.classToken) tokens.unshift([...(await readTensor(encoder.classToken))]);
  const positions = await readTensor(encoder.positions);
  return tokens.map((row, token) => row.map((value, i) => value + positions[token * d + i]!));
}

async function runBlock(x: Rows, block: BlockRef, encoder: EncoderSpec): Promise<Rows> {
  const normed = await layerNorm(x, block.norm1, encoder.layerNormEps);
  const [q, k, v] = await Promise.all([block.query, block.key, block.value].map((ref) => linear(normed, ref)));
  const attended = add(x, await linear(attention(q!, k!, v!, encoder.heads), block.out));
  const inner = await linear(await layerNorm(attended, block.norm2, encoder.layerNormEps), block.fc1);
  const active = inner.map((row) => row.map(encoder.activation === "gelu" ? gelu : geluTanh));
  return add(attended, await linear(active, block.fc2));
}

function attention(q: Rows, k: Rows, v: Rows, heads: number): Rows {
  const size = q[0]!.length / heads;
  return q.map((query) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (row: number[]) => row.slice(head * size, (head + 1) * size);
      const scores = k.map((key) => Math.exp(dot(part(query), part(key)) / Math.sqrt(size)));
      const total = scores.reduce((a, b) => a + b);
      return part(query).map(
        (_, i) =>
          dot(
            scores,
            v.map((value) => part(value)[i]!),
          ) / total,
      );
    }).flat(),
  );
}

async function linear(x: Rows, ref: LinearRef): Promise<Rows> {
  const weight = await readTensor(ref.weight);
  const bias = ref.bias && (await readTensor(ref.bias));
  const inputs = x[0]!.length;
  const rows = Array.from({ length: weight.length / inputs }, (_, o) => [
    ...weight.subarray(o * inputs, (o + 1) * inputs),
  ]);
  return x.map((row) => rows.map((column, o) => dot(row, column) + (bias?.[o] ?? 0)));
}

async function layerNorm(x: Rows, ref: LayerNormRef, eps: number): Promise<Rows> {
  const [weight, bias] = [await readTensor(ref.weight), await readTensor(ref.bias)];
  return x.map((row) => {
    const mean = row.reduce((a, b) => a + b) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + eps)) * weight[i]! + bias[i]!);
  });
}

const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const add = (a: Rows, b: Rows): Rows => a.map((row, t) => row.map((value, i) => value + b[t]![i]!));
const geluTanh = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** The series of erf, exact enough for |x| < 5. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
