import { openFile, readExactly, replaceFile, requireFloats } from "../../../sdk/kit.ts";
import type { TowerSpec } from "../vision-tower.ts";
import { encodeWeights, kernelOf, requireFinite, towerValues } from "../weights.ts";
import type { Replacement } from "./plan-checkpoint.ts";

/** Copied at once. */
const PIECE_BYTES = 16 * 1024 * 1024;

/**
 * Writes the safetensors file `source` anew as `target` with the data of some tensors replaced in their places: the header
 * and every other byte stay as they are.
 */
export async function overwriteTensors(
  source: string,
  target: string,
  replacements: readonly Replacement[],
  { from, to }: { readonly from: TowerSpec; readonly to: TowerSpec },
): Promise<void> {
  const opened = await openFile(source);
  try {
    await replaceFile(target, async (file) => {
      const copy = async (start: number, end: number) => {
        for (let at = start; at < end; at += PIECE_BYTES) {
          await file.write(await readExactly(opened, at, Math.min(PIECE_BYTES, end - at)), at);
        }
      };
      let done = 0;
      for (const replacement of replacements.toSorted((a, b) => a.target.offset - b.target.offset)) {
        const { offset, length } = replacement.target;
        await copy(done, offset);
        await file.write(await dataOf(replacement, from, to), offset);
        done = offset + length;
      }
      await copy(done, opened.size);
    });
  } finally {
    await opened.handle.close();
  }
}

async function dataOf({ target, source }: Replacement, from: TowerSpec, to: TowerSpec): Promise<Uint8Array> {
  const values = requireFinite(await towerValues(from, source), source.ref);
  const turned = source.role === "patch_embedding.weight" && to.channelsLast ? kernelOf(to, values, true) : values;
  return encodeWeights(requireFloats(target).dtype, turned, source.ref);
}
