import { requireFeatureDim } from "../../contract/encoder.ts";
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
  const opened: VQRAE[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(opened.map((encoder) => encoder.dispose()));
  };
  try {
    opened.push(await VQRAE.load(source, { device: "cpu" }));
    // A checkpoint gives one hidden state a pass, so each tap is an encoder of its own over the same mapped weights.
    for (const layer of layers)
      opened.push(await VQRAE.load(source, { device: "cpu", features: { layer, postNorm: false } }));
    const [encoder, ...tapped] = opened as [VQRAE, ...VQRAE[]];
    const { modelId, inputSize } = encoder.info;
    const featureDim = requireFeatureDim(encoder.info);
    const grey = inputSize ?? { width: 64, height: 64 };
    const probe = await encoder.encode({ data: new Uint8Array(grey.width * grey.height * 3), ...grey }, { ids: false });
    const feature = probe.classToken ? "class token" : "mean patch";
    const run = async (image: RgbImage, { signal }: { signal?: AbortSignal | undefined } = {}) => {
      const options = { ids: false, ...(signal && { signal }) } as const;
      const [tokens, ...hidden] = await Promise.all([encoder, ...tapped].map((one) => one.encode(image, options)));
      return {
        features: tokens!.classToken ?? meanToken(tokens!.features, featureDim),
        taps: hidden.map(({ features }) => ({ data: features, channels: featureDim })),
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
