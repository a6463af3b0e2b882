import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { expected, expectedBut } from "../errors.ts";
import { packageFile } from "../files/package-file.ts";
import { isWeightsPath } from "../weights/open-tensors.ts";
import { isGgufPath } from "./checkpoint.ts";

/** Checkpoints that the package carries, by the name that loads them. */
const PACKAGED: Readonly<Record<string, string>> = {
  default: "models/vqrae-tiny",
  "deit-tiny": "models/deit-tiny",
};

export const isPackagedCheckpoint = (source: string): boolean => Object.hasOwn(PACKAGED, source);

const WANTED =
  'a checkpoint folder, an mmproj file (.gguf), a file of weights (.safetensors, .pt, .pth, .ckpt, .bin), "default" or "deit-tiny"';

/**
 * The checkpoint that `source` means: the name of one that the package carries, or the path of a folder, an mmproj file or a file
 * of weights. A name goes before a folder of that name: yours is "./deit-tiny".
 * @throws INVALID_ARGUMENT for what is no string, CHECKPOINT_NOT_FOUND for what is neither
 */
export async function findCheckpoint(source: string): Promise<string> {
  if (typeof source !== "string" || source === "") {
    throw expected("INVALID_ARGUMENT", WANTED, "the source of VQRAE.load", source);
  }
  const packaged = isPackagedCheckpoint(source) ? PACKAGED[source] : undefined;
  const folder = packaged === undefined ? resolve(source) : packageFile(packaged);
  const entry = await stat(folder).catch(() => null);
  if (entry?.isDirectory() || (entry?.isFile() && (isGgufPath(folder) || isWeightsPath(folder)))) return folder;
  const found = entry === null ? "nothing there" : "a file there";
  const received = `${JSON.stringify(source)}: looked for ${folder} and found ${found}`;
  const mend =
    packaged !== undefined
      ? "The model ships with the package: install it again, or bring its files along with a bundle (docs/bundlers.md)."
      : "Nothing is downloaded here: download the checkpoint and pass its folder, or its mmproj.gguf.";
  throw expectedBut("CHECKPOINT_NOT_FOUND", WANTED, "the source of VQRAE.load", received, mend);
}
