import type { RgbImage } from "../../contract/image.ts";
import type { TapActivations } from "../../metrics/index.ts";

/** A network on whose features distances are measured. Write its name beside the number. */
export interface FeatureNetwork extends AsyncDisposable {
  /** Such as "mobilenet-v1-1.0-224"; part of every number's name. */
  readonly name: string;
  /** What its feature vector is, such as "class token". */
  readonly feature: string;
  /** Names of the layers that perceptual distances compare, in order; may be none. */
  readonly taps: readonly string[];
  /** Runs one image of any size. */
  run(image: RgbImage, options?: { readonly signal?: AbortSignal | undefined }): Promise<NetworkOutput>;
}

/** What a network gives for one image. */
export interface NetworkOutput {
  /** [dim] */
  readonly features: Float32Array;
  /** One for each of `taps`. */
  readonly taps: readonly TapActivations[];
}

/** How `openFeatureNetwork` opens a network. */
export interface FeatureNetworkOptions {
  /**
   * The layers that perceptual distances compare. Of an ONNX network: some of those that its description names (default
   * all of them). Of an encoder: its blocks by number, 1 the first (default none).
   */
  readonly taps?: readonly string[];
}
