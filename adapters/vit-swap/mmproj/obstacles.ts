import type { VqraeError } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import type { ClassTokenPlace } from "../llama-cpp-builds.ts";
import { factsOf, type TowerFact } from "../tower-facts.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import { isWritable } from "./tower-keys.ts";
import { type MmprojGraph, type MmprojTypeName, mmprojTypeNames, mmprojTypes } from "./types.ts";

/** What a graph of llama.cpp would compute differently from the encoder, or would leave out and not say so. */
export interface Obstacle {
  readonly fact: TowerFact;
  /** UNSUPPORTED */
  readonly error: VqraeError;
}

/** Everything about a tower that keeps it out of an mmproj of type `typeName`. */
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
  const takenForRms = graph.rmsTower?.width === facts.width && graph.rmsTower.blocks === layers.at(-1);
  const found: Obstacle[] = [];
  const refuse = (fact: TowerFact, what: string, received: string, mend?: string) => {
    const subject = `the encoder of an mmproj of type ${typeName}`;
    const error = expectedBut("UNSUPPORTED", what, subject, `${modelId}: ${received}`, mend);
    found.push({ fact, error });
  };

  if (!isWritable(activation)) refuse("activation", "gelu or quick_gelu", activation);
  if (facts.registers > 0) refuse("registers", "a tower without register tokens", "one with registers");
  const classToken = classTokenObstacle(graph, facts.classToken, place);
  if (classToken) refuse("classToken", ...classToken);
  if (facts.layerScale && !graph.layerScale) refuse("layerScale", "blocks without layer scale", "blocks with");
  if (facts.qkNorm && !takenForRms) refuse("qkNorm", "blocks without norms on queries and keys", "blocks with");
  if (takenForRms && facts.norms !== "RMSNorm") {
    refuse("norms", "RMSNorms, which it takes for given at this size", "LayerNorms");
  }
  if (!takenForRms && facts.norms === "RMSNorm") refuse("norms", "LayerNorms", "RMSNorms");
  if (!graph.featureLayers && layers.length > 1) {
    refuse("layer", "features of one block", `blocks ${layers.join(", ")}`);
  }
  if (finalNorm && layers.length > 1) refuse("finalNorm", "several blocks before the final norm", "normed ones");
  if (grid === null && !anyGrid) refuse("imageSize", "one grid for all images", "grids of any size");
  if (grid !== null && grid !== positions.grid) {
    const table = `a table of ${positions.grid} x ${positions.grid}`;
    refuse("positions", `positions of the ${grid} x ${grid} patches that it sees`, table);
  }
  return found;
}

/** What a graph says of a tower's class token, or of its lack; undefined where that is right. */
function classTokenObstacle(
  { classToken: wanted }: MmprojGraph,
  given: boolean,
  place: ClassTokenPlace,
): [what: string, received: string, mend: string] | undefined {
  const withOne = mmprojTypeNames.filter((name) => mmprojTypes[name].graph.classToken === "required").join(", ");
  const without = mmprojTypeNames.filter((name) => mmprojTypes[name].graph.classToken !== "required").join(", ");
  if (wanted === "required" && !given) {
    return ["a tower with a class token", "one without", `A tower without one goes with ${without}.`];
  }
  if (wanted === "none" && given) {
    return ["a tower without a class token", "one with", `A tower with one goes with ${withOne}.`];
  }
  if (wanted === "broken" && given && place === "last") {
    const fault =
      "llama.cpp gives its patches wrong positions and drops one (its issue 25814), which no file can mend.";
    return ["a tower without a class token", "one with", `${fault} A tower with one goes with ${withOne}.`];
  }
  return undefined;
}
