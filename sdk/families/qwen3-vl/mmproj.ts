import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { hiddenAct, type MmprojKeys } from "../mmproj/mmproj-keys.ts";
import { mergerNames, mlpWidth, qwenVlConfig, qwenVlNames, qwenVlProcessor, secondFrame } from "../qwen-vl/mmproj.ts";

/** Pixels of an image in Qwen3-VL's and Qwen3.5's files: 64 to 16,384 tokens. */
const pixels = [256 * 256, 4096 * 4096] as const;

/** The blocks whose tokens become further levels. */
const tapped = (keys: MmprojKeys): number[] =>
  keys.flags("clip.vision.is_deepstack_layers").flatMap((isTapped, block) => (isTapped ? [block] : []));

/** A level's tensors, which an mmproj names by the block that they are behind. */
const levelNames = (block: number, level: number) =>
  Object.entries({ norm: "norm", fc1: "linear_fc1", fc2: "linear_fc2" }).flatMap(([stored, name]) =>
    ["weight", "bias"].map((part) => [
      `v.deepstack.${block}.${stored}.${part}`,
      `visual.deepstack_merger_list.${level}.${name}.${part}`,
    ]),
  );

/** llama.cpp conversion/qwen3vl.py: Qwen3-VL, its mixtures of experts, and Qwen3.5, which has no deepstack. */
export const qwen3VlMmproj: MmprojFamily = {
  type: "qwen3vl_merger",
  tower: qwenVlNames({ ffn_up: "mlp.linear_fc1", ffn_down: "mlp.linear_fc2" }),
  projector: (keys) => ({
    ...secondFrame,
    ...mergerNames("norm", "linear_fc1", "linear_fc2"),
    ...Object.fromEntries(tapped(keys).flatMap(levelNames)),
  }),
  config(keys) {
    const blocks = tapped(keys);
    const type = blocks.length > 0 ? "qwen3_vl" : "qwen3_5";
    const [positions] = keys.shape("v.position_embd.weight");
    return {
      model_type: type,
      vision_config: {
        model_type: type,
        ...qwenVlConfig(keys),
        hidden_size: keys.number("clip.vision.embedding_length"),
        intermediate_size: mlpWidth(keys),
        out_hidden_size: keys.number("clip.vision.projection_dim"),
        hidden_act: hiddenAct(keys, "gelu_pytorch_tanh"),
        num_position_embeddings: positions,
        ...(blocks.length > 0 && { deepstack_visual_indexes: blocks }),
      },
    };
  },
  processor: (keys) => qwenVlProcessor(keys, pixels),
};
