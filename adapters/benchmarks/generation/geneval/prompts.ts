import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expectedBut, onDisk, writeWhole } from "../../../../sdk/kit.ts";
import { jsonLines, listFolder, parseJson, Row, readText } from "../../kit/index.ts";
import { reading } from "../../kit/readers/reading.ts";
import type { Relation } from "./geometry.ts";

/** The ten colours that GenEval knows. */
export const COLORS = [
  "red",
  "orange",
  "yellow",
  "green",
  "blue",
  "purple",
  "pink",
  "brown",
  "black",
  "white",
] as const;
export type Color = (typeof COLORS)[number];

const RELATIONS: readonly Relation[] = ["left of", "right of", "above", "below"];

/** A line of evaluation_metadata.jsonl. */
export interface GenEvalPrompt {
  /** File and line. */
  readonly at: string;
  /** Such as "two_object". */
  readonly tag: string;
  readonly prompt: string;
  readonly include: readonly IncludeClause[];
  readonly exclude: readonly { readonly class: string; readonly count: number }[];
  /** The line as it was written. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The image shows at least `count` of a class, in a colour, in a place relative to what an earlier clause found. */
export interface IncludeClause {
  readonly class: string;
  readonly count: number;
  readonly color?: Color;
  readonly position?: { readonly relation: Relation; readonly target: number };
}

/** The prompts of evaluation_metadata.jsonl (553 of them). @throws INVALID_DATA with file and line; IO_ERROR */
export async function readGenEvalPrompts(path: string): Promise<GenEvalPrompt[]> {
  const prompts: GenEvalPrompt[] = [];
  for await (const row of jsonLines(path)) prompts.push(promptOf(row));
  if (prompts.length === 0) throw expectedBut("INVALID_DATA", "at least one prompt", path, "none");
  return prompts;
}

/**
 * Writes the folders that GenEval's evaluator reads: NNNNN/metadata.jsonl, and NNNNN/samples/ for 0000.png, 0001.png,
 * ...
 * @throws IO_ERROR
 */
export async function writeGenEvalFolders(prompts: readonly GenEvalPrompt[], folder: string): Promise<void> {
  for (const [index, { metadata }] of prompts.entries()) {
    const own = join(folder, String(index).padStart(5, "0"));
    await onDisk(own, () => mkdir(join(own, "samples"), { recursive: true }));
    await writeWhole(join(own, "metadata.jsonl"), JSON.stringify(metadata));
  }
}

export interface GeneratedImage {
  /** As in detections and results: "00000/samples/0000.png". */
  readonly filename: string;
  readonly path: string;
  readonly prompt: GenEvalPrompt;
}

/** The images in such folders, in order. Other folders and files are left alone, as the reference leaves them. */
export async function* generatedImages(folder: string): AsyncGenerator<GeneratedImage> {
  for (const name of await listFolder(folder)) {
    const own = join(folder, name);
    if (!/^\d+$/.test(name) || !(await reading("a folder", own, () => stat(own))).isDirectory()) continue;
    const file = join(own, "metadata.jsonl");
    const at = `${name}/metadata.jsonl`;
    const prompt = promptOf(new Row(at, parseJson(await readText(file), at)));
    for (const image of await listFolder(join(own, "samples"))) {
      if (!/^\d+\.png/.test(image)) continue;
      yield { filename: `${name}/samples/${image}`, path: join(own, "samples", image), prompt };
    }
  }
}

function promptOf(row: Row): GenEvalPrompt {
  const include = rowsOf(row, "include").map((clause, index) => includeOf(clause, index));
  const exclude = row.has("exclude") ? rowsOf(row, "exclude").map(countOf) : [];
  return { at: row.at, tag: row.text("tag"), prompt: row.text("prompt"), include, exclude, metadata: row.fields };
}

function rowsOf(row: Row, name: string): Row[] {
  const value = row.raw(name);
  if (!Array.isArray(value)) throw row.wrong(name, "a list of objects");
  return value.map((clause, index) => new Row(`${name}[${index}] in ${row.at}`, clause));
}

function countOf(clause: Row): { class: string; count: number } {
  const count = clause.integer("count");
  if (count < 1) throw clause.wrong("count", "a whole number > 0");
  return { class: clause.text("class"), count };
}

function includeOf(clause: Row, index: number): IncludeClause {
  return {
    ...countOf(clause),
    ...(clause.has("color") && { color: clause.oneOf("color", COLORS) }),
    ...(clause.has("position") && { position: positionOf(clause, index) }),
  };
}

function positionOf(clause: Row, index: number): NonNullable<IncludeClause["position"]> {
  const value = clause.raw("position");
  const [name, target] = Array.isArray(value) ? value : [];
  const relation = RELATIONS.find((known) => known === name);
  if (relation && Number.isInteger(target) && target >= 0 && target < index) return { relation, target };
  throw clause.wrong("position", `[one of ${RELATIONS.join(", ")}, the number of an earlier clause]`);
}
