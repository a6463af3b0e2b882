import type { FeatureDecoder } from "./contract/feature-decoder.ts";
import type { VisionTokenizer } from "./contract/vision-tokenizer.ts";
import type { LoadOptions } from "./runtime/options.ts";
import { VQRAE } from "./vqrae.ts";

/**
 * Loads any tokenizer that is known: a checkpoint folder, or the weights alone as its authors publish them (`.pt`, `.pth`, `.ckpt`,
 * `.bin`, `.safetensors`, or a folder with one of these). Weights alone are recognised by their tensors' names and shapes.
 *
 * ```ts
 * const tokenizer = await loadTokenizer("vq_ds16_c2i.pt");
 * const { ids } = await tokenizer.encode("photo.jpg", { features: false });
 * const picture = await tokenizer.decode(ids);
 * ```
 *
 * @throws INVALID_CHECKPOINT for weights that nothing recognises, naming what was looked at; and as `VQRAE.load`
 */
export function loadTokenizer(
  source: "default",
  options?: LoadOptions,
): Promise<VisionTokenizer<Int32Array> & FeatureDecoder>;
export function loadTokenizer(source: string, options?: LoadOptions): Promise<VisionTokenizer & FeatureDecoder>;
export function loadTokenizer(source: string, options?: LoadOptions): Promise<VisionTokenizer & FeatureDecoder> {
  return VQRAE.load(source, options);
}
