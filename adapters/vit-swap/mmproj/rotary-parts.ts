import type { TensorRef } from "../../../sdk/index.ts";
import { type LinearRef, type RotaryVitSpec, readTensor } from "../../../sdk/kit.ts";
import type { GgufTensorToWrite } from "../../gguf/index.ts";
import { encodeWeights, requireFinite } from "../weights.ts";
import type { MmprojFloat } from "./tower-data.ts";

/** A tensor of the file, made of others. */
export interface Part {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether it may be written in half precision. */
  readonly large: boolean;
  /** One after the other. */
  readonly refs: readonly TensorRef[];
  /** Of a kernel over frames the one that is taken. */
  readonly frame?: number;
  /** Heads whose rows turn in pairs half a head apart, which become neighbours. */
  readonly heads?: number;
}

/** How a file has a tower's attention. */
export interface TowerLayout {
  /** Queries, keys and values in one tensor. */
  readonly isFused: boolean;
  /** Rows of queries and keys that turn together are neighbours (Pixtral). */
  readonly isInterleaved: boolean;
}

const whole = (name: string, ref: TensorRef): Part => ({
  name,
  shape: ref.shape,
  large: ref.shape.length > 1,
  refs: [ref],
});
/** A linear or a norm. */
export const pair = (
  name: string,
  { weight, bias }: { readonly weight: TensorRef; readonly bias: TensorRef | null },
): Part[] => [whole(`${name}.weight`, weight), ...(bias === null ? [] : [whole(`${name}.bias`, bias)])];

/** The tensors of a tower, by their names in an mmproj. */
export function towerParts(spec: RotaryVitSpec, { isFused, isInterleaved }: TowerLayout): Part[] {
  const { patchBias, positions, firstNorm, rotation, heads, hiddenSize: d } = spec;
  const turned = (name: string, linear: LinearRef): Part[] =>
    pair(name, linear).map((part) => (isInterleaved && !rotation.interleaved ? { ...part, heads } : part));
  return [
    ...kernelParts(spec),
    ...(patchBias ? [whole("v.patch_embd.bias", patchBias)] : []),
    ...(positions ? [{ ...whole("v.position_embd.weight", positions.table), large: false }] : []),
    ...(firstNorm ? pair("v.pre_ln", firstNorm) : []),
    ...spec.blocks.flatMap(({ attention, attentionOut, mlp }, i) => {
      const at = (name: string) => `v.blk.${i}.${name}`;
      const { query, key, value } = attention.linears;
      const qkv = [query, key, value];
      const norm = (name: string, own: typeof attention.norm) => (own ? pair(at(name), own) : []);
      const into = "gate" in mlp.into.linears ? pair(at("ffn_gate"), mlp.into.linears.gate) : [];
      return [
        ...norm("ln1", attention.norm),
        ...(isFused
          ? [
              { name: at("attn_qkv.weight"), shape: [3 * d, d], large: true, refs: qkv.map(({ weight }) => weight) },
              { name: at("attn_qkv.bias"), shape: [3 * d], large: false, refs: qkv.flatMap(({ bias }) => bias ?? []) },
            ]
          : [...turned(at("attn_q"), query), ...turned(at("attn_k"), key), ...pair(at("attn_v"), value)]),
        ...pair(at("attn_out"), attentionOut.linears.out),
        ...norm("ln2", mlp.into.norm),
        ...into,
        ...pair(at("ffn_up"), mlp.into.linears.up),
        ...pair(at("ffn_down"), mlp.out.linears.down),
      ];
    }),
  ];
}

/** A kernel for each frame, whether the encoder has one over both or two; or one without frames. */
function kernelParts({ patchKernels, hiddenSize: d, patchSize: p }: RotaryVitSpec): Part[] {
  return patchKernels
    .flatMap((ref) => {
      if (ref.shape.length === 4) return [{ refs: [ref] }];
      return Array.from({ length: ref.shape[2] ?? 0 }, (_, frame) => ({ refs: [ref], frame }));
    })
    .map((part, i) => ({
      ...part,
      name: i === 0 ? "v.patch_embd.weight" : `v.patch_embd.weight.${i}`,
      shape: [d, 3, p, p],
      large: true,
    }));
}

/** A part in the bits of `type`, read when it is written. */
export function partToWrite({ name, shape, refs, frame, heads }: Part, type: MmprojFloat): GgufTensorToWrite {
  async function* data() {
    for (const ref of refs) {
      const values = requireFinite(await readTensor(ref), ref);
      const framed = frame === undefined ? values : frameOf(values, ref, frame);
      yield encodeWeights(type, heads === undefined ? framed : neighbours(framed, ref, heads), ref);
    }
  }
  return { name, type, shape, data: data() };
}

/** Rows i and i + half of a head become neighbours, as llama.cpp's converter has them (conversion/llama.py `permute`). */
function neighbours(values: Float32Array, { shape }: TensorRef, heads: number): Float32Array {
  const [rows = 0] = shape;
  const width = values.length / rows;
  const half = rows / heads / 2;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / (2 * half));
    const inHead = row - head * 2 * half;
    const from = head * 2 * half + (inHead % 2) * half + Math.floor(inHead / 2);
    out.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return out;
}

/** [width, 3, frames, patch, patch] -> [width, 3, patch, patch] of one frame. */
function frameOf(values: Float32Array, { shape }: TensorRef, frame: number): Float32Array {
  const [, , frames = 1, rows = 1, columns = 1] = shape;
  const area = rows * columns;
  const out = new Float32Array(values.length / frames);
  for (let at = 0; at < out.length; at += area) {
    const from = at * frames + frame * area;
    out.set(values.subarray(from, from + area), at);
  }
  return out;
}
