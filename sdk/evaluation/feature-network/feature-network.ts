import { stat } from "node:fs/promises";
import { extname } from "node:path";
import type { RgbImage } from "../../contract/vision-tokenizer.ts";
import { expectedBut } from "../../errors.ts";
import type { TapActivations } from "../../metrics/index.ts";
import { openEncoderNetwork } from "./encoder-network.ts";
import { openOnnxNetwork } from "./onnx-network.ts";

/** A network whose features distances are measured on. A number on it is named by it. */
export interface FeatureNetwork extends AsyncDisposable {
  /** Such as "mobilenet-v1-1.0-224"; part of every number's name. */
  readonly name: string;
  /** What its feature vector is, such as "class token". */
  readonly feature: string;
  /** Names of the layers that perceptual distances compare, in order; may be none. */
  readonly taps: readonly string[];
  run(image: RgbImage, options?: { readonly signal?: AbortSignal | undefined }): Promise<NetworkOutput>;
}

export interface NetworkOutput {
  /** [dim] */
  readonly features: Float32Array;
  /** One for each of `taps`. */
  readonly taps: readonly TapActivations[];
}

export interface FeatureNetworkOptions {
  /**
   * The layers to compare: of an ONNX network some of those that its description names (default all of them), of an
   * encoder its blocks by number, 1 the first (default none).
   */
  readonly taps?: readonly string[];
}

/**
 * Opens a network: an `.onnx` file with its description beside it (`network.onnx` and `network.json`), or whatever
 * `VQRAE.load` takes, an encoder's safetensors folder or "default".
 * @throws INVALID_ARGUMENT, INVALID_CONFIG, CHECKPOINT_NOT_FOUND, INVALID_CHECKPOINT, MISSING_DEPENDENCY, RUNTIME
 */
export async function openFeatureNetwork(path: string, options: FeatureNetworkOptions = {}): Promise<FeatureNetwork> {
  if (extname(path).toLowerCase() === ".onnx") return openOnnxNetwork(path, options);
  const found = path === "default" || (await stat(path).catch(() => null))?.isDirectory();
  if (!found) {
    throw expectedBut("INVALID_ARGUMENT", "an .onnx file or a checkpoint folder", "the feature network", path);
  }
  return openEncoderNetwork(path, options);
}
