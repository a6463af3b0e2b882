import { type Encoder, requireFeatureDim } from "../../contract/encoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import { expectedBut } from "../../errors.ts";
import { VQRAE } from "../../vqrae.ts";
import { meanToken } from "../pooled-features.ts";
import type { FeatureNetwork, FeatureNetworkOptions } from "./feature-network.ts";

/** A vision encoder as a feature network: its class token, or the mean of its patches where it has none. */
export async function openEncoderNetwork(
  source: string,
  { taps = [] }: FeatureNetworkOptions,
): Promise<FeatureNetwork> {
  const layers = taps.map(layerOf);
  const encoder: Encoder = await VQRAE.load(source, { device: "cpu" });
  const tapped: Encoder[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all([encoder, ...tapped].map((one) => one[Symbol.asyncDispose]()));
  };
  try {
    // A checkpoint gives one hidden state a pass, so each tap is an encoder of its own over the same mapped weights.
    for (const layer of layers)
      tapped.push(await VQRAE.load(source, { device: "cpu", features: { layer, postNorm: false } }));
    const { modelId, inputSize } = encoder.info;
    const featureDim = requireFeatureDim(encoder.info);
    const grey = inputSize ?? { width: 64, height: 64 };
    const probe = await encoder.encode({ data: new Uint8Array(grey.width * grey.height * 3), ...grey }, { ids: false });
    const feature = probe.classToken ? "class token" : "mean patch";
    const run = async (image: RgbImage, { signal }: { signal?: AbortSignal | undefined } = {}) => {
      const options = { ids: false, ...(signal && { signal }) } as const;
      const [{ classToken, features }, hidden] = await Promise.all([
        encoder.encode(image, options),
        Promise.all(tapped.map((one) => one.encode(image, options))),
      ]);
      return {
        features: classToken ?? meanToken(features, featureDim),
        taps: hidden.map((tokens) => ({ data: tokens.features, channels: featureDim })),
      };
    };
    return {
      name: modelId,
      feature,
      taps: layers.map((layer) => `block ${layer}`),
      run,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function layerOf(tap: string): number {
  const layer = Number(tap);
  if (Number.isSafeInteger(layer) && layer >= 1) return layer;
  throw expectedBut("INVALID_ARGUMENT", "the number of a block, 1 the first", "a tap of an encoder", tap);
}
