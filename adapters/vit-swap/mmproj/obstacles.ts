import type { VqraeError } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import type { ClassTokenPlace } from "../llama-cpp-builds.ts";
import { factsOf, type TowerFact } from "../tower-facts.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import { isWritable } from "./tower-keys.ts";
import { type MmprojTypeName, mmprojTypes } from "./types.ts";

/** InternViT-6B, which llama.cpp tells by its sizes: the one tower whose norms it takes for RMSNorms. */
const RMS_WIDTH = 3200;
const RMS_BLOCKS = 45;

/** What a graph of llama.cpp would compute otherwise than the encoder, or leave out without a word. */
export interface Obstacle {
  readonly fact: TowerFact;
  /** UNSUPPORTED */
  readonly error: VqraeError;
}

export function obstacles(
  tower: VisionTower,
  taken: FeaturesTaken,
  typeName: MmprojTypeName,
  place: ClassTokenPlace,
): Obstacle[] {
  const { graph, anyGrid } = mmprojTypes[typeName];
  const { layers, finalNorm } = taken;
  const { modelId, spec } = tower;
  const { activation, grid, positions } = spec;
  const facts = factsOf(tower, taken);
  const { classToken } = facts;
  const rms = facts.norms === "RMSNorm";
  const takenForRms = typeName === "internvl" && facts.width === RMS_WIDTH && layers.at(-1) === RMS_BLOCKS;
  const found: Obstacle[] = [];
  const refuse = (fact: TowerFact, what: string, received: string, mend?: string) => {
    const subject = `the encoder of an mmproj of type ${typeName}`;
    const error = expectedBut("UNSUPPORTED", what, subject, `${modelId}: ${received}`, mend);
    found.push({ fact, error });
  };

  if (!isWritable(activation)) refuse("activation", "gelu or quick_gelu", activation);
  if (facts.registers > 0) refuse("registers", "a tower without register tokens", "one with registers");
  if (graph.classToken === "required" && !classToken) {
    const mend = "A tower without one goes with mlp, phi4, janus_pro, gemma3, idefics3 and lfm2.";
    refuse("classToken", "a tower with a class token", "one without", mend);
  }
  if (graph.classToken === "none" && classToken) {
    const mend = "A tower with one goes with internvl.";
    refuse("classToken", "a tower without a class token", "one with", mend);
  }
  if (graph.classToken === "broken" && classToken && place === "last") {
    const mend =
      "llama.cpp gives its patches wrong positions and drops one (its issue 25814), which no file can mend; it goes with internvl.";
    refuse("classToken", "a tower without a class token", "one with", mend);
  }
  if (facts.layerScale && !graph.layerScale) refuse("layerScale", "blocks without layer scale", "blocks with");
  if (facts.qkNorm && !(graph.qkNorm && takenForRms)) {
    refuse("qkNorm", "blocks without norms on queries and keys", "blocks with");
  }
  if (rms !== takenForRms) {
    refuse(
      "norms",
      rms ? "LayerNorms" : "RMSNorms, which it takes for given at this size",
      rms ? "RMSNorms" : "LayerNorms",
    );
  }
  if (!graph.featureLayers && layers.length > 1)
    refuse("layer", "features of one block", `blocks ${layers.join(", ")}`);
  if (finalNorm && layers.length > 1) refuse("finalNorm", "several blocks before the final norm", "normed ones");
  if (grid === null && !anyGrid) refuse("imageSize", "one grid for all images", "grids of any size");
  if (grid !== null && grid !== positions.grid) {
    refuse(
      "positions",
      `positions of the ${grid} x ${grid} patches that it sees`,
      `a table of ${positions.grid} x ${positions.grid}`,
    );
  }
  return found;
}
