import { type LoadOptions, loadProjector, VQRAE } from "../../../sdk/index.ts";
import type { VisionFiles } from "./resolve-vlm.ts";

/** The tokenizer of these files, with its projector. @throws as `VQRAE.load` and `loadProjector` */
export async function openVision(
  { tokenizer, projector }: VisionFiles,
  options: Omit<LoadOptions, "projector">,
): Promise<VQRAE> {
  if (projector === null) return VQRAE.load(tokenizer, options);
  return VQRAE.load(tokenizer, { ...options, projector: await loadProjector(projector) });
}
