import type { Tiling } from "../../sdk/index.ts";
import type { Model, ViewPlan } from "../../sdk/kit.ts";

/** A model's settings without its tensors. */
export type ModelDescription = ReturnType<typeof describeModel>;

export const describeModel = ({ modelId, licence, image, summary }: Model) => ({
  modelId,
  licence,
  image,
  ...summary,
});

export function modelLines({ image, encoder, features, codebook, decoder }: ModelDescription): string[] {
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

type Part = Readonly<Record<string, unknown>>;

/** How each size of a part is said; null where another says it better. */
const phrases: Readonly<Record<string, (value: unknown, part: Part) => string | null>> = {
  blocks: (n) => `${n} blocks`,
  hiddenSize: (n) => `width ${n}`,
  intermediateSize: (n) => `MLP ${n}`,
  heads: (n) => `${n} heads`,
  layerNormEps: () => null,
  activation: (name) => String(name),
  imageSize: () => null,
  patchSize: (n) => `patches of ${n} pixels`,
  grid: (n) => (n === null ? null : `${n} x ${n} tokens`),
  maxTokens: (n, { grid }) => (grid === null ? `at most ${n} tokens` : null),
  classToken: (has) => (has ? "a class token" : null),
  featureDim: (n) => `${n} numbers a token`,
  layer: (n) => `of block ${n}`,
  postNorm: (normed) => (normed ? "through the final norm" : "before the final norm"),
  size: (n, { dim }) => `${n} codes of width ${dim}`,
  dim: () => null,
  codesPerToken: (n) => (n === 1 ? null : `${n} codes a token`),
  scales: (sides) => (Array.isArray(sides) ? `grids of ${sides.join(", ")} a side, one after the other` : null),
  layers: (list) => `of block${Array.isArray(list) && list.length > 1 ? `s ${list.join(" + ")}` : ` ${list}`}`,
  combine: (how) => (how === "sum" ? "added" : null),
  normalize: (each) => (each ? "each normed" : "not normed"),
  takes: (what) => `takes ${what}`,
  pairs: (are) => (are ? "videos as pairs of frames" : null),
  outputSize: (n) => `${n} x ${n} pixels`,
};

const settings = (part: Part): string =>
  Object.entries(part)
    .flatMap(([name, value]) => {
      const phrase = phrases[name];
      return (phrase ? phrase(value, part) : `${name} ${value}`) ?? [];
    })
    .join(", ");
