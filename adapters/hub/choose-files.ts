import { expectedBut } from "../../sdk/kit.ts";

/** The files of a vision language model among those of its repository. */
export interface ChosenFiles {
  /** All parts of the language model, the first one first. */
  readonly llm: readonly string[];
  readonly mmproj: string;
}

interface Gguf {
  readonly path: string;
  /** Without the number of its part. */
  readonly name: string;
  /** In capitals; "" for none. */
  readonly quant: string;
  readonly part: number;
  readonly parts: number;
}

/** What llama.cpp takes if no quantization is asked for, and then what there is. */
const DEFAULT_QUANTS = ["Q4_K_M", "Q8_0"];
/** Files beside a model that are no model. */
const COMPANIONS = /mmproj|imatrix|mtp-|eagle3-|dflash-|dspark-/i;

/**
 * Chooses as `llama-server -hf` does (llama.cpp common/download.cpp): the quantization that is asked for, else Q4_K_M, else
 * Q8_0, else the first; all parts of a model; of several mmproj files the one in the nearest folder whose bits are nearest
 * to the model's. An F16 mmproj goes before others as near, since towers lose more by quantization than they save.
 * @param paths of all files in the repository
 * @throws INVALID_ARGUMENT for a repository without such files, or a quantization that it does not have
 */
export function chooseFiles(paths: readonly string[], quant: string | null, repo: string): ChosenFiles {
  const ggufs = paths.flatMap((path) => readName(path) ?? []).sort((a, b) => (a.path < b.path ? -1 : 1));
  const models = ggufs.filter(({ path, part }) => part === 1 && !COMPANIONS.test(path));
  const refuse = (what: string, received: string, mend: string) =>
    expectedBut("INVALID_ARGUMENT", what, `the repository ${repo}`, received, mend);
  const [first] = models;
  if (first === undefined) {
    const mend = "Name a repository that holds the GGUF files, often one whose name ends with -GGUF.";
    throw refuse("a GGUF language model", "none", mend);
  }
  const wanted = quant === null ? DEFAULT_QUANTS : [quant];
  const found = wanted.flatMap((name) => models.find((model) => model.quant === name) ?? []);
  const model = found[0] ?? (quant === null ? first : undefined);
  if (model === undefined) {
    const there = [...new Set(models.map((one) => one.quant || one.path))].join(", ");
    throw refuse(`the quantization ${quant}`, there, "Name one of these.");
  }
  const llm = ggufs.filter(({ name, parts }) => name === model.name && parts === model.parts);
  if (llm.length !== model.parts) {
    throw refuse(`${model.parts} parts of ${model.name}`, `${llm.length}`, "Name another quantization.");
  }
  const mmprojs = ggufs.filter(({ path }) => /mmproj/i.test(path) && isBeside(path, model.path));
  const [mmproj] = mmprojs.sort(
    (a, b) =>
      depth(b.path) - depth(a.path) ||
      Number(b.quant === "F16") - Number(a.quant === "F16") ||
      Math.abs(bits(a) - bits(model)) - Math.abs(bits(b) - bits(model)),
  );
  if (mmproj === undefined) {
    const mend = "It is a language model of text alone: name one with a vision part.";
    throw refuse("an mmproj file beside the language model", "none", mend);
  }
  return { llm: llm.sort((a, b) => a.part - b.part).map(({ path }) => path), mmproj: mmproj.path };
}

function readName(path: string): Gguf | null {
  const [, name, part = "1", parts = "1"] = /^(.+?)(?:-(\d{5})-of-(\d{5}))?\.gguf$/i.exec(path) ?? [];
  if (name === undefined) return null;
  const quant = /[-.]([a-z0-9_]+)$/i.exec(name)?.[1]?.toUpperCase() ?? "";
  return { path, name, quant, part: Number(part), parts: Number(parts) };
}

/** 4 for Q4_K_M, 16 for F16; 0 for none. */
const bits = ({ quant }: Gguf): number => Number(/\d+/.exec(quant)?.[0] ?? 0);

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);
const depth = (path: string): number => path.split("/").length;
/** In the model's folder, or in one above it. */
const isBeside = (path: string, model: string): boolean => folderOf(model).startsWith(folderOf(path));
