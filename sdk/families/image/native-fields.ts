import type { ImageConsumer } from "./image-processor.ts";
import { upTo } from "./tile-fields.ts";

/** 128 x 128 patches, 2048 x 2048 pixels of patches of 16; attention grows with its square. */
export const patchCount = upTo(16384);

/** The patches that a processor cuts must be those that the encoder takes. */
export function requirePatchSize(size: number, field: string, { patchSize, refuse }: ImageConsumer): void {
  if (size === patchSize) return;
  throw refuse(`${patchSize}, the encoder's patch_size,`, [field]);
}
