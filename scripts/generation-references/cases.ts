/**
 * Generated cases for references.py, and what this package says of them, as JSON on standard output:
 *
 *   node scripts/generation-references/cases.ts --cases 1000 > cases.json
 */
import { parseArgs } from "node:util";
import {
  type Box,
  COLORS,
  type CropAnswers,
  type Detection,
  evaluateImage,
  type GenEvalResult,
  type IncludeClause,
  intersectionOverUnion,
  keptObjects,
  type Relation,
  relativePosition,
  scoreItem,
  summarizeDpg,
  summarizeGenEval,
} from "../../adapters/benchmarks/generation/index.ts";
import { seededRandom } from "../../sdk/metrics/seeded-random.ts";

const { values } = parseArgs({ options: { cases: { type: "string", default: "1000" } } });
const random = seededRandom(8);
const below = (limit: number): number => Math.floor(random() * limit);
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

const CLASSES = ["dog", "bench", "traffic light"];
const TAGS = ["single_object", "counting", "position", "color_attr"];
const RELATIONS: readonly Relation[] = ["left of", "right of", "above", "below"];
const CATEGORIES = ["entity - whole", "attribute - color", "attribute - size", "relation - spatial"];

/** Multiples of 1/8 are the same in float32, which the reference's boxes are in. */
function box(): Box {
  const [left, top] = [below(2400) / 8, below(2400) / 8];
  return [left, top, left + below(1600) / 8, top + below(1600) / 8];
}

function include(index: number): IncludeClause {
  return {
    class: pick(CLASSES),
    count: 1 + below(2),
    ...(random() < 0.3 && { color: pick(COLORS) }),
    ...(index > 0 && random() < 0.5 && { position: { relation: pick(RELATIONS), target: below(index) } }),
  };
}

function geneval(index: number) {
  const clauses = Array.from({ length: 1 + below(3) }, (_, i) => include(i));
  const exclude = random() < 0.3 ? [{ class: pick(CLASSES), count: 1 + below(3) }] : [];
  const tag = pick(TAGS);
  const scores = new Set<number>(); // equal scores have no order in numpy
  const detections: Detection[] = Array.from({ length: below(12) }, (_, i) => {
    let score = Math.fround(below(1000) / 1000);
    while (scores.has(score)) score = Math.fround(below(1000) / 1000);
    scores.add(score);
    return { at: `detection ${i}`, class: pick(CLASSES), box: box(), score, color: pick(COLORS) };
  });
  const maxOverlap = random() < 0.5 ? 1 : 0.5;
  const limits = { threshold: 0.3, countingThreshold: 0.9, maxObjects: 16, maxOverlap };
  const objects = keptObjects(detections, tag, limits);
  const { correct, reason } = evaluateImage({ include: clauses, exclude }, objects);
  const metadata = {
    tag,
    prompt: `prompt ${index}`,
    include: clauses.map(({ position, ...clause }) => ({
      ...clause,
      ...(position && { position: [position.relation, position.target] }),
    })),
    exclude,
  };
  const [a, b] = [box(), box()];
  const pair = { a, b, iou: intersectionOverUnion(a, b), relations: [...relativePosition(a, b)].sort() };
  return { metadata, detections, maxOverlap, pair, correct, reason };
}

function dpg(index: number) {
  const questions = Array.from({ length: 1 + below(8) }, (_, i) => ({
    at: `question ${i + 1}`,
    id: i + 1,
    text: `question ${i + 1}?`,
    // Any question may be a parent, also one that comes later or the question itself.
    parents: random() < 0.5 ? [] : Array.from({ length: 1 + below(2) }, () => 1 + below(i + 1)),
    category: pick(CATEGORIES),
  }));
  const crops = Array.from({ length: 1 + below(4) }, () => questions.map(() => random() < 0.7));
  const answers: CropAnswers[] = crops.map((crop) => new Map(questions.map(({ id }, i) => [id, crop[i]!])));
  const item = { id: `item${index}`, prompt: "p", questions };
  return { item, crops, result: scoreItem(item, answers) };
}

const count = Number(values.cases);
const images = Array.from({ length: count }, (_, i) => geneval(i));
const items = Array.from({ length: count }, (_, i) => dpg(i));
const results: GenEvalResult[] = images.map(({ correct, reason }, i) => {
  // Several images of a prompt share its metadata.
  const shared = JSON.stringify(images[i - (i % 4)]!.metadata);
  const { tag, prompt } = images[i - (i % 4)]!.metadata;
  return { filename: `${i}.png`, tag, prompt, correct, reason, metadata: shared, details: "{}" };
});
console.log(
  JSON.stringify({
    geneval: images,
    results,
    genevalSummary: summarizeGenEval(results),
    dpg: items,
    dpgSummary: summarizeDpg(items.map(({ result }) => result)),
  }),
);
