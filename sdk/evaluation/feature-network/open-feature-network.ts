import { stat } from "node:fs/promises";
import { extname } from "node:path";
import * as z from "zod";
import { expectedBut } from "../../errors.ts";
import { isPackagedCheckpoint } from "../../families/find-checkpoint.ts";
import { option, parseOptions } from "../../options.ts";
import { setFields } from "../../set-fields.ts";
import { openEncoderNetwork } from "./encoder-network.ts";
import type { FeatureNetwork, FeatureNetworkOptions } from "./feature-network.ts";
import { openOnnxNetwork } from "./onnx-network.ts";

const schema = z.strictObject({ taps: option.texts("a list of the names of layers") });

/**
 * Opens a network: an `.onnx` file with its description beside it (`network.onnx` and `network.json`), the folder of an
 * encoder that `VQRAE.load` takes, or the name of one that the package carries.
 * @throws INVALID_ARGUMENT, INVALID_CONFIG, CHECKPOINT_NOT_FOUND, INVALID_CHECKPOINT, MISSING_DEPENDENCY, RUNTIME
 */
export async function openFeatureNetwork(path: string, options: FeatureNetworkOptions = {}): Promise<FeatureNetwork> {
  const parsed = setFields(parseOptions(schema, options, "openFeatureNetwork"));
  if (extname(path).toLowerCase() === ".onnx") return (await openOnnxNetwork(path, parsed)).network;
  const found = isPackagedCheckpoint(path) || (await stat(path).catch(() => null))?.isDirectory();
  if (!found) {
    throw expectedBut("INVALID_ARGUMENT", "an .onnx file or a checkpoint folder", "the feature network", path);
  }
  return openEncoderNetwork(path, parsed);
}
