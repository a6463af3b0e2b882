import { zipSync } from "fflate";
import { expected } from "../../sdk/kit.ts";
import { numbersToNpy, stringsToNpy } from "./npy.ts";
import { type EncodedImages, stackTokens } from "./tokens.ts";

/** A zip without the 64-bit extension ends here; some room is left for its directory. */
const MAX_BYTES = 2 ** 32 - 2 ** 20;
/** The earliest date a zip can hold: the same tokens give the same bytes. */
const DATE = new Date(1980, 0, 1);

/**
 * An uncompressed numpy archive: the arrays of `stackTokens`, `images` (the paths) and `model` (its name).
 * @throws INVALID_ARGUMENT for more than 4 GiB
 */
export function tokensToNpz(encoded: EncodedImages): Uint8Array {
  const entries: Record<string, Uint8Array> = {
    "images.npy": stringsToNpy(encoded.images),
    "model.npy": stringsToNpy([encoded.info.modelId]),
  };
  for (const { name, shape, data } of stackTokens(encoded)) entries[`${name}.npy`] = numbersToNpy(data, shape);
  const bytes = Object.values(entries).reduce((sum, entry) => sum + entry.length, 0);
  if (bytes > MAX_BYTES) {
    throw expected(
      "INVALID_ARGUMENT",
      `at most ${MAX_BYTES} bytes`,
      "an npz file",
      bytes,
      "Write .safetensors, leave --features out, or encode fewer images at a time.",
    );
  }
  return zipSync(entries, { level: 0, mtime: DATE });
}
