import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { hiddenAct } from "../mmproj/mmproj-keys.ts";
import {
  mergerNames,
  mlpWidth,
  qwen2Pixels,
  qwenVlConfig,
  qwenVlNames,
  qwenVlProcessor,
  secondFrame,
} from "../qwen-vl/mmproj.ts";

/** llama.cpp conversion/qwenvl.py, of a Qwen2-VL */
export const qwen2VlMmproj: MmprojFamily = {
  type: "qwen2vl_merger",
  tower: qwenVlNames({ ffn_up: "mlp.fc1", ffn_down: "mlp.fc2" }),
  projector: { ...secondFrame, ...mergerNames("ln_q", "mlp.0", "mlp.2") },
  config(keys) {
    const width = keys.number("clip.vision.embedding_length");
    return {
      model_type: "qwen2_vl",
      vision_config: {
        model_type: "qwen2_vl",
        ...qwenVlConfig(keys),
        embed_dim: width,
        mlp_ratio: mlpWidth(keys) / width,
        hidden_size: keys.number("clip.vision.projection_dim"),
        hidden_act: hiddenAct(keys, "gelu_pytorch_tanh"),
      },
    };
  },
  processor: (keys) => qwenVlProcessor(keys, qwen2Pixels),
};
