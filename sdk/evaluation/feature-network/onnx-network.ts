import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { RgbImage } from "../../contract/image.ts";
import { expected, expectedBut } from "../../errors.ts";
import { workerFile } from "../../files/package-file.ts";
import { resize } from "../../image/resize/resize.ts";
import type { TapActivations } from "../../metrics/index.ts";
import type { NetworkArray, NetworkJobs, NetworkSetup } from "../../runtime/networks/network-jobs.ts";
import { openJobPool } from "../../runtime/pool/open-job-pool.ts";
import { buffersOf } from "../../runtime/pool/protocol.ts";
import { zip } from "../../zip.ts";
import type { FeatureNetwork, FeatureNetworkOptions, NetworkOutput } from "./feature-network.ts";
import { type NetworkDescription, readNetworkDescription } from "./network-description.ts";

/** An ONNX file as a feature network, and the classes of its features where its description names them. */
export interface OnnxNetwork {
  readonly network: FeatureNetwork;
  readonly labels: readonly string[] | null;
}

/** It runs on the CPU, in a thread of its own. */
export async function openOnnxNetwork(path: string, { taps }: FeatureNetworkOptions): Promise<OnnxNetwork> {
  const description = await readNetworkDescription(path.replace(/\.onnx$/i, ".json"));
  const unknown = taps?.find((tap) => !description.taps.includes(tap));
  if (unknown !== undefined) {
    const known = description.taps.length > 0 ? `one of ${description.taps.join(", ")}` : "no tap: it describes none";
    throw expected("INVALID_ARGUMENT", known, `a tap of ${description.name}`, unknown);
  }
  const tapNames = taps ?? description.taps;
  const outputs = [description.features, ...tapNames];
  const setup: NetworkSetup = { path: resolve(path), outputs, threads: availableParallelism() };
  const pool = openJobPool<NetworkJobs>({ size: 1, setup, file: workerFile("network-worker") });
  try {
    await pool.run("open", null);
  } catch (error) {
    await pool.dispose();
    throw error;
  }
  const network: FeatureNetwork = {
    name: description.name,
    feature: description.features,
    taps: tapNames,
    async run(image, { signal } = {}) {
      const input = networkInput(image, description);
      const options = { transfer: buffersOf([input.data]), ...(signal && { signal }) };
      return outputOf(await pool.run("run", input, options), description.name);
    },
    [Symbol.asyncDispose]: () => pool.dispose(),
  };
  return { network, labels: description.labels };
}

/** [1, 3, h, w]: the image at the network's size, normalised. */
function networkInput(image: RgbImage, { input }: NetworkDescription): NetworkArray {
  const { size, resample, mean, std } = input;
  const { data, width, height } = size === null ? image : resize(image, size, size, resample);
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (const [c, [shift, scale]] of zip(mean, std).entries()) {
    for (let i = 0; i < plane; i++) values[c * plane + i] = (data[3 * i + c]! / 255 - shift) / scale;
  }
  return { data: values, dims: [1, 3, height, width] };
}

function outputOf([features, ...taps]: readonly NetworkArray[], name: string): NetworkOutput {
  const dims = features?.dims ?? [];
  const [batch, dim, ...rest] = dims;
  if (features === undefined || batch !== 1 || dim === undefined || rest.some((side) => side !== 1)) {
    const shape = `[${dims.join(", ")}]`;
    throw expectedBut("INVALID_CHECKPOINT", "[1, dim] or [1, dim, 1, 1] numbers", `the features of ${name}`, shape);
  }
  return { features: features.data, taps: taps.map((tap) => tapOf(tap, name)) };
}

/** [1, channels, h, w] or [1, positions, channels] -> [positions, channels] */
function tapOf({ data, dims }: NetworkArray, name: string): TapActivations {
  const [batch, channels, third, fourth, ...rest] = dims;
  if (batch === 1 && third !== undefined && fourth === undefined) return { data, channels: third };
  if (batch !== 1 || channels === undefined || fourth === undefined || rest.length > 0) {
    const wanted = "[1, channels, h, w] or [1, positions, channels] numbers";
    throw expectedBut("INVALID_CHECKPOINT", wanted, `a tap of ${name}`, `[${dims.join(", ")}]`);
  }
  const positions = data.length / channels;
  const rows = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < positions; p++) rows[p * channels + c] = data[c * positions + p]!;
  }
  return { data: rows, channels };
}
