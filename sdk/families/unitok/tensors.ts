import { expectedBut } from "../../errors.ts";
import { countTensors, type TensorLookup } from "../../weights/tensor-lookup.ts";
import type { LinearRef, TensorRef } from "../../weights/tensor-ref.ts";
import type { GatedMlpRef, InvertedBlockRef, ProjectionRef, UnitokSpec, UnitokTransformer } from "./spec.ts";

/** More of anything than any has. */
const MOST = 256;
/** Numbers of a head in ViTamin's small, base and large model. */
const HEAD = 64;

/** Finds the tensors (models/unitok.py, models/vitamin.py, timm's names), whose sizes they tell. */
export function resolveUnitok(tensors: TensorLookup): UnitokSpec {
  const outputs = (name: string) => tensors.tensor(`${name}.weight`, [null, null, null, null]).shape[0] ?? 0;
  const count = (name: (i: number) => string) => countTensors(tensors, name, MOST);
  const convolution = (name: string, out: number, into: number, side: number) =>
    tensors.linear(name, [out, into, side, side]);

  const gatedMlp = (name: string, width: number): GatedMlpRef => {
    const hidden = tensors.tensor(`${name}.w0.weight`, [null, width]).shape[0] ?? 0;
    return {
      norm: tensors.layerNorm(`${name}.norm`, width),
      gate: tensors.linear(`${name}.w0`, [hidden, width]),
      up: tensors.linear(`${name}.w1`, [hidden, width]),
      down: tensors.linear(`${name}.w2`, [width, hidden]),
    };
  };

  const transformer = (name: string, width: number): UnitokTransformer => ({
    width,
    heads: width / HEAD,
    blocks: Array.from({ length: count((i) => `${name}.blocks.${i}.norm1.weight`) }, (_, i) => {
      const block = `${name}.blocks.${i}`;
      const [query, key, value] = tensors.fusedLinears(`${block}.attn.qkv`, [width, width]);
      return {
        norm1: tensors.layerNorm(`${block}.norm1`, width),
        query,
        key,
        value,
        out: tensors.linear(`${block}.attn.proj`, [width, width]),
        norm2: tensors.layerNorm(`${block}.norm2`, width),
        mlp: gatedMlp(`${block}.mlp`, width),
      };
    }),
    norm: tensors.layerNorm(`${name}.norm`, width),
  });

  /** Blocks of one stage; `resample` is what the first of them changes the sides by. */
  const stage = (name: string, into: number, resample: "down" | "up"): InvertedBlockRef[] =>
    Array.from({ length: count((i) => `${name}.${i}.pre_norm.weight`) }, (_, i) => {
      const block = `${name}.${i}`;
      const middle = outputs(`${block}.conv1_1x1`);
      const out = outputs(`${block}.conv3_1x1`);
      const width = i === 0 ? into : out;
      const shortcut = {
        down: () => (width === out ? null : convolution(`${block}.shortcut.expand`, out, width, 1)),
        up: () => convolution(`${block}.shortcut.conv`, out, width, 3),
      };
      return {
        norm: tensors.layerNorm(`${block}.pre_norm`, width),
        expand: convolution(`${block}.conv1_1x1`, middle, width, 1),
        up: i === 0 && resample === "up" ? convolution(`${block}.up.conv`, middle, middle, 3) : null,
        depthwise: convolution(`${block}.conv2_kxk`, middle, 1, 3),
        project: convolution(`${block}.conv3_1x1`, out, middle, 1),
        shortcut: i === 0 ? shortcut[resample]() : null,
      };
    });

  const projection = (name: string, into: number, out: number): ProjectionRef => {
    const inner = Math.max(into, out);
    const [query, key, value] = tensors.fusedLinears(`${name}.attn.qkv`, [inner, into], false);
    const bias = (part: string): TensorRef => tensors.tensor(`${name}.attn.${part}`, [inner]);
    const biased = ({ weight }: LinearRef, part: string): LinearRef => ({ weight, bias: bias(part) });
    return {
      into,
      out,
      heads: inner / Math.min(into, out),
      norm1: tensors.layerNorm(`${name}.norm1`, into),
      query: biased(query, "q_bias"),
      key: biased(key, "zero_k_bias"),
      value: biased(value, "v_bias"),
      attentionOut: tensors.linear(`${name}.attn.proj`, [out, out]),
      norm3: tensors.layerNorm(`${name}.norm3`, into),
      linear: tensors.linear(`${name}.proj`, [out, into]),
      norm2: tensors.layerNorm(`${name}.norm2`, out),
      mlp: gatedMlp(`${name}.mlp`, out),
    };
  };

  const stem = "encoder.patch_embed.backbone.stem";
  const stages = "encoder.patch_embed.backbone.stages";
  const pool = "encoder.patch_embed.backbone.pool";
  const stemWidth = outputs(`${stem}.conv1`);
  const stageWidths = [0, 1].map((s) => outputs(`${stages}.${s}.0.conv3_1x1`));
  const [shallow = 0, deep = 0] = stageWidths;
  const width = outputs(`${pool}.proj`);
  const codeWidth = tensors.tensor("quant_proj.proj.weight", [null, width]).shape[0] ?? 0;
  const codebooks = count((k) => `quantizer.codebooks.${k}.codebook.weight`);
  if (width % HEAD !== 0 || width % codeWidth !== 0 || codeWidth % codebooks !== 0) {
    const received = `${width}, with codes of ${codeWidth} numbers in ${codebooks} codebooks`;
    const what = `a width that is a multiple of ${HEAD} and of the codes' width, this one of the number of codebooks,`;
    throw expectedBut("UNSUPPORTED", what, "UniTok's encoder", received);
  }
  const size = tensors.tensor("quantizer.codebooks.0.codebook.weight", [null, codeWidth / codebooks]).shape[0] ?? 0;
  const spec: UnitokSpec = {
    encoder: {
      stem: {
        first: convolution(`${stem}.conv1`, stemWidth, 3, 3),
        norm: tensors.layerNorm(`${stem}.norm1`, stemWidth),
        second: convolution(`${stem}.conv2`, stemWidth, stemWidth, 3),
      },
      stages: [stage(`${stages}.0`, stemWidth, "down"), stage(`${stages}.1`, shallow, "down")],
      pool: { norm: tensors.layerNorm(`${pool}.norm`, deep), convolution: convolution(`${pool}.proj`, width, deep, 3) },
      transformer: transformer("encoder", width),
      positions: tensors.tensor("encoder.pos_embed", [1, 1, width]),
      projection: projection("quant_proj", width, codeWidth),
    },
    codebooks: Array.from({ length: codebooks }, (_, k) =>
      tensors.tensor(`quantizer.codebooks.${k}.codebook.weight`, [size, codeWidth / codebooks]),
    ),
    decoder: {
      projection: projection("post_quant_proj", codeWidth, width),
      transformer: transformer("decoder", width),
      first: convolution("decoder.up_conv1.conv", deep, width, 3),
      stages: [stage("decoder.up_conv2", deep, "up"), stage("decoder.up_conv3", deep, "up")],
      last: {
        up: convolution("decoder.up_conv4.conv1.conv", shallow, shallow, 3),
        norm: tensors.layerNorm("decoder.up_conv4.norm1", shallow),
        out: convolution("decoder.up_conv4.conv2", 3, shallow, 3),
      },
    },
  };
  for (const part of ["encoder.", "quant_proj.", "post_quant_proj.", "decoder."]) tensors.below(part).requireAllUsed();
  return spec;
}
