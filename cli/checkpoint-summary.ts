import type { Tiling } from "../sdk/index.ts";
import type { Model, ViewPlan } from "../sdk/kit.ts";

/** A model's settings without its tensors. */
export interface CheckpointSummary extends ReturnType<typeof summarizeCheckpoint> {}

export const summarizeCheckpoint = ({ modelId, licence, image, summary }: Model) => ({
  modelId,
  licence,
  image,
  ...summary,
});

export function checkpointLines({ image, encoder, features, codebook, decoder }: CheckpointSummary): string[] {
  return [
    `  image     ${pixelsOf(image)}, ${image.resample}`,
    `  encoder   ${settings(encoder)}`,
    `  features  ${features ? settings(features) : "of one kind"}`,
    `  codebook  ${codebook ? settings(codebook) : "none: gives features only"}`,
    `  decoder   ${decoder ? settings(decoder) : "none"}`,
  ];
}

function pixelsOf(image: ViewPlan): string {
  if (image.geometry === "native") return "its own aspect ratio";
  const { size, geometry, background, tiling } = image;
  const square = `${size} x ${size} pixels, ${background ? "padded to a square" : geometry}`;
  if (tiling === null) return square;
  return `${square}; views: ${tilings[tiling.kind]}`;
}

const tilings: Readonly<Record<Tiling["kind"], string>> = {
  dynamic: "InternVL's tiles",
  anyres: "LLaVA's anyres tiles",
  split: "Idefics3's tiles",
  pan_and_scan: "Gemma 3's pan and scan",
};

/** "blocks 12, hiddenSize 192, ..." */
const settings = (part: Readonly<Record<string, unknown>>): string =>
  Object.entries(part)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" + ") : String(value ?? "any")}`)
    .join(", ");
