import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { expected, expectedBut } from "../errors.ts";
import { packageFile } from "../files/package-file.ts";
import { isWeightsPath } from "../weights/open-tensors.ts";
import { isGgufPath } from "./checkpoint.ts";

const WANTED =
  'a checkpoint folder, an mmproj file (.gguf), a file of weights (.safetensors, .pt, .pth, .ckpt, .bin) or "default"';

/**
 * The checkpoint that `source` means: "default", or the path of a folder, an mmproj file or a file of weights.
 * @throws INVALID_ARGUMENT for what is no string, CHECKPOINT_NOT_FOUND for what is neither
 */
export async function findCheckpoint(source: string): Promise<string> {
  if (typeof source !== "string" || source === "") {
    throw expected("INVALID_ARGUMENT", WANTED, "the source of VQRAE.load", source);
  }
  const folder = source === "default" ? packageFile("models/vqrae-tiny") : resolve(source);
  const entry = await stat(folder).catch(() => null);
  if (entry?.isDirectory() || (entry?.isFile() && (isGgufPath(folder) || isWeightsPath(folder)))) return folder;
  const found = entry === null ? "nothing there" : "a file there";
  const received = `${JSON.stringify(source)}: looked for ${folder} and found ${found}`;
  const mend =
    source === "default"
      ? "The model ships with the package: install it again, or bring its files along with a bundle (docs/bundlers.md)."
      : "Nothing is downloaded here: download the checkpoint and pass its folder, or its mmproj.gguf.";
  throw expectedBut("CHECKPOINT_NOT_FOUND", WANTED, "the source of VQRAE.load", received, mend);
}
