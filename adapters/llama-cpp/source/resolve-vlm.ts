import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { expected, expectedBut, isFile, option, packageFile, readJsonObject } from "../../../sdk/kit.ts";
import { isModelName, type PullOptions, pullModel, requireGguf } from "../../hub/index.ts";
import { readLlmHeader, readMmprojHeader, requireFolderPair, requirePair } from "./gguf-pair.ts";
import { findLlm, findMmproj } from "./model-folder.ts";

/** A model's vision parts: its mmproj file, or the checkpoint folders of encoder and projector. */
export interface VisionSource {
  /** The mmproj GGUF file that belongs to the language model. It has encoder, projector and preprocessing. */
  readonly mmproj?: string | undefined;
  /** A vision encoder's checkpoint folder, a VLM's own checkpoint folder, or "default" for the small one that ships. */
  readonly encoder?: string | undefined;
  /** The checkpoint folder of the projector that was trained with the language model (default: the encoder's). */
  readonly projector?: string | undefined;
}

const path = option.text("a path");
export const visionSourceOptions = { mmproj: path, encoder: path, projector: path } as const;

/** What `VQRAE.load` and `loadProjector` take. */
export interface VisionFiles {
  readonly tokenizer: string;
  /** null for an mmproj, which has its projector inside. */
  readonly projector: string | null;
}

/** The parts of a vision language model, found and checked. */
export interface VlmFiles extends VisionFiles {
  readonly modelId: string;
  /** The language model's GGUF file; the first one of a model in several parts. */
  readonly llm: string;
}

/** `model_type` of what the trainer writes. */
const PROJECTOR_TYPE = "vqrae_projector";
const SHIPPED = "vqrae-tiny-vlm";
const NOT_IN_NAME = /(-00001-of-\d{5})?\.gguf$/i;

/**
 * Turns what you have into the parts of a vision language model. It reads the headers of GGUF files, and refuses two
 * that do not belong together before anything is loaded.
 * @param source "default" for the small model that ships, a GGUF file, a folder that holds one, or "hf:owner/repo" for
 *   a model of the hub, which is downloaded if the cache does not have it. Beside the file lies
 *   an mmproj, or the checkpoint of encoder and projector
 * @param vision parts that lie elsewhere; they go before those in the folder
 * @throws INVALID_ARGUMENT for a part that is missing, or is something else than its name says; INCOMPATIBLE for a model
 *   and an mmproj of different widths or families; CHECKPOINT_NOT_FOUND; INVALID_GGUF for a damaged file
 */
export async function resolveVlm(source: string, vision: VisionSource = {}, pull: PullOptions = {}): Promise<VlmFiles> {
  if (typeof source !== "string" || source === "") {
    throw expected(
      "INVALID_ARGUMENT",
      'a GGUF file, a folder, "hf:owner/repo" or "default"',
      "the source of loadVlm",
      source,
    );
  }
  if (isModelName(source)) {
    requireNoParts(vision, source, "It has its own mmproj. Pull it, and name the files, to use another.");
    const { llm, mmproj } = requireGguf(await pullModel(source, pull), source);
    return resolveVlm(llm, { mmproj });
  }
  if (source === "default") {
    requireNoParts(vision, source, "Name the language model that they belong to.");
    const folder = packageFile(`models/${SHIPPED}`);
    return { modelId: SHIPPED, llm: join(folder, "llm.gguf"), tokenizer: "default", projector: folder };
  }
  const path = resolve(source);
  const entry = await stat(path).catch(() => null);
  if (entry === null) {
    throw expectedBut("CHECKPOINT_NOT_FOUND", "a GGUF file or a folder", path, "nothing there", { path });
  }
  const folder = entry.isDirectory() ? path : dirname(path);
  const llm = entry.isDirectory() ? await findLlm(folder) : path;
  const header = await readLlmHeader(llm);
  const parts =
    (await isProjectorFolder(folder)) && vision.encoder !== undefined ? { projector: folder, ...vision } : vision;
  const files = (await resolveVision(parts)) ?? (await visionBeside(folder, llm));
  if (files.projector === null) requirePair(header, await readMmprojHeader(files.tokenizer));
  else if (files.projector !== "default") {
    const config = join(files.projector, "config.json");
    const { model_type: type } = (await isFile(config)) ? await readJsonObject(config, "INVALID_CONFIG") : {};
    // A projector that you trained yourself fits whatever model it was trained with.
    if (type !== undefined && type !== PROJECTOR_TYPE) requireFolderPair(header, files.projector, type);
  }
  const modelId = basename(llm) === "llm.gguf" ? basename(folder) : basename(llm).replace(NOT_IN_NAME, "");
  return { modelId, llm, ...files };
}

/** @throws INVALID_ARGUMENT for vision parts beside a model that has all of its own */
function requireNoParts(vision: VisionSource, source: string, mend: string): void {
  if (Object.values(vision).every((part) => part === undefined)) return;
  throw expectedBut("INVALID_ARGUMENT", "no parts of another model", `loadVlm("${source}")`, "some", mend);
}

/**
 * The same for the vision alone; null where no part is named.
 * @throws INVALID_ARGUMENT, CHECKPOINT_NOT_FOUND, INVALID_GGUF
 */
export async function resolveVision({ mmproj, encoder, projector }: VisionSource): Promise<VisionFiles | null> {
  if (mmproj !== undefined) {
    if (encoder !== undefined || projector !== undefined) {
      const received = "an encoder or a projector beside it";
      throw expectedBut("INVALID_ARGUMENT", "an mmproj alone, which has both", "the vision parts", received);
    }
    const { file } = await readMmprojHeader(mmproj);
    return { tokenizer: file, projector: null };
  }
  if (encoder !== undefined) {
    await requireFolder(encoder, "encoder");
    if (projector !== undefined) await requireFolder(projector, "projector");
    return { tokenizer: encoder, projector: projector ?? encoder };
  }
  if (projector === undefined) return null;
  const mend = 'It is the folder of a vision checkpoint, or "default".';
  throw expectedBut("INVALID_ARGUMENT", "the encoder that it was trained with", "the projector", "none", mend);
}

async function visionBeside(folder: string, llm: string): Promise<VisionFiles> {
  const mmproj = await findMmproj(folder);
  if (mmproj !== null) return { tokenizer: mmproj, projector: null };
  if (await isProjectorFolder(folder)) {
    const mend = 'Name its folder as encoder, or "default".';
    const received = "a projector alone";
    throw expectedBut("INVALID_ARGUMENT", "the encoder that it was trained with", folder, received, {
      path: folder,
      mend,
    });
  }
  if (await isFile(join(folder, "config.json"))) return { tokenizer: folder, projector: folder };
  const received = "a language model of text alone, with no mmproj and no checkpoint beside it";
  const mend = "Name the mmproj that belongs to it, or the folder of its vision checkpoint as encoder.";
  throw expectedBut("INVALID_ARGUMENT", "a vision language model", llm, received, { path: llm, mend });
}

/** What the trainer writes beside a language model: a projector without a tower. */
async function isProjectorFolder(folder: string): Promise<boolean> {
  const file = join(folder, "config.json");
  if (!(await isFile(file))) return false;
  return (await readJsonObject(file, "INVALID_CONFIG")).model_type === PROJECTOR_TYPE;
}

async function requireFolder(path: string, name: string): Promise<void> {
  if (path === "default") return;
  const entry = await stat(path).catch(() => null);
  if (entry?.isDirectory()) return;
  const received = entry === null ? `${path}, where nothing is` : `the file ${path}`;
  const mend = entry === null ? undefined : "Give a GGUF file as mmproj.";
  throw expectedBut("INVALID_ARGUMENT", "a checkpoint folder", `the ${name}`, received, { path, mend });
}
