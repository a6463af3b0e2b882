import { ggufValue, writeGguf } from "../../adapters/gguf/index.ts";
import { gaussian, uniform } from "./random.ts";

/** Writes an ordinary mmproj of random weights, LLaVA's: whatever the image, 2 x 2 tokens of 64 numbers. */
export async function writeTinyMmproj(path: string): Promise<void> {
  const { bool, float32, float32s, string, uint32 } = ggufValue;
  const [width, patch, out] = [8, 4, 64];
  const random = uniform(7);
  const tensor = (name: string, ...shape: number[]) => ({
    name,
    type: "F32" as const,
    shape,
    data: gaussian(
      random,
      shape.reduce((a, b) => a * b),
      0.1,
    ),
  });
  await writeGguf(
    path,
    [
      ["general.architecture", string("clip")],
      ["general.type", string("mmproj")],
      ["general.file_type", uint32(0)],
      ["clip.has_vision_encoder", bool(true)],
      ["clip.projector_type", string("mlp")],
      ["clip.vision.image_size", uint32(2 * patch)],
      ["clip.vision.patch_size", uint32(patch)],
      ["clip.vision.embedding_length", uint32(width)],
      ["clip.vision.feed_forward_length", uint32(width)],
      ["clip.vision.projection_dim", uint32(out)],
      ["clip.vision.block_count", uint32(0)],
      ["clip.vision.attention.head_count", uint32(1)],
      ["clip.vision.attention.layer_norm_epsilon", float32(1e-6)],
      ["clip.vision.image_mean", float32s([0.5, 0.5, 0.5])],
      ["clip.vision.image_std", float32s([0.5, 0.5, 0.5])],
      ["clip.vision.feature_layer", ggufValue.int32s([0])],
    ],
    [
      tensor("v.patch_embd.weight", width, 3, patch, patch),
      tensor("v.position_embd.weight", 4, width),
      tensor("mm.0.weight", out, width),
      tensor("mm.0.bias", out),
      tensor("mm.2.weight", out, out),
      tensor("mm.2.bias", out),
    ],
  );
}
