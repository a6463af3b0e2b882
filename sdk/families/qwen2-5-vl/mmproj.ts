import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import {
  mergerNames,
  mlpWidth,
  qwen2Pixels,
  qwenVlConfig,
  qwenVlNames,
  qwenVlProcessor,
  secondFrame,
} from "../qwen-vl/mmproj.ts";

/** In pixels, of every Qwen2.5-VL: llama.cpp has it in its code (tools/mtmd/clip.cpp). */
const WINDOW = 112;

/** Positions of a video's second: the file does not say them, and every published Qwen2.5-VL has these. */
const PER_SECOND = 2;

/** llama.cpp conversion/qwenvl.py, of a Qwen2.5-VL */
export const qwen25VlMmproj: MmprojFamily = {
  type: "qwen2.5vl_merger",
  tower: qwenVlNames({ ffn_gate: "mlp.gate_proj", ffn_up: "mlp.up_proj", ffn_down: "mlp.down_proj" }),
  projector: { ...secondFrame, ...mergerNames("ln_q", "mlp.0", "mlp.2") },
  config(keys) {
    const own = qwenVlConfig(keys);
    const every = keys.number("clip.vision.n_wa_pattern");
    const blocks = Array.from({ length: keys.number("clip.vision.block_count") }, (_, i) => i);
    return {
      model_type: "qwen2_5_vl",
      vision_config: {
        model_type: "qwen2_5_vl",
        ...own,
        hidden_size: keys.number("clip.vision.embedding_length"),
        intermediate_size: mlpWidth(keys),
        out_hidden_size: keys.number("clip.vision.projection_dim"),
        window_size: WINDOW,
        tokens_per_second: PER_SECOND,
        fullatt_block_indexes: blocks.filter((block) => every > 0 && (block + 1) % every === 0),
      },
    };
  },
  processor: (keys) => qwenVlProcessor(keys, qwen2Pixels),
};
