import { expectedBut } from "../../../sdk/kit.ts";
import { type GgufFile, readGguf } from "../../gguf/index.ts";
import { ggufFile, languageModelFile } from "../language-model.ts";

/** The `general.architecture` of mmproj files. */
const MMPROJ = "clip";

interface Pair {
  /** `clip.projector_type` of mmproj files. */
  readonly projectors: readonly string[];
  /** `model_type` of checkpoint folders. */
  readonly modelTypes?: readonly string[];
  readonly architectures: readonly string[];
}

/**
 * Projectors whose language models have an architecture of their own in llama.cpp. LLaVA's, InternVL's and others are
 * trained with models of many. Source: llama.cpp's conversion/*.py, `add_clip_projector_type` and `model_arch` (0.5.0).
 */
const PAIRS: readonly Pair[] = [
  {
    projectors: ["qwen2vl_merger", "qwen2.5vl_merger", "qwen2.5o"],
    modelTypes: ["qwen2_vl", "qwen2_5_vl"],
    architectures: ["qwen2vl"],
  },
  {
    projectors: ["qwen3vl_merger"],
    modelTypes: ["qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"],
    architectures: ["qwen3vl", "qwen3vlmoe", "qwen35", "qwen35moe"],
  },
  { projectors: ["gemma3"], modelTypes: ["gemma3"], architectures: ["gemma3"] },
  { projectors: ["lfm2"], modelTypes: ["lfm2_vl", "lfm2-vl"], architectures: ["lfm2", "lfm2moe"] },
  { projectors: ["janus_pro"], modelTypes: ["janus"], architectures: ["llama"] },
  { projectors: ["llama4"], architectures: ["llama4"] },
  { projectors: ["kimivl"], architectures: ["deepseek2"] },
  {
    projectors: ["glm4v"],
    modelTypes: ["glm4v", "glm4v_moe", "glm46v", "glm_ocr"],
    architectures: ["glm4", "glm4moe"],
  },
];
/** Language models that take images at positions of three axes, which no other projector's tokens have. */
const OWN_PROJECTORS = ["qwen2vl", "qwen3vl", "qwen3vlmoe"];

/** Old converters wrote CLIP's own projection, not the language model's width, into `clip.vision.projection_dim`. */
const OTHER_WIDTH = ["mlp", "mlp_norm", "ldp", "ldpv2", "resampler", "adapter"];

/** @throws INVALID_ARGUMENT for an mmproj, CHECKPOINT_NOT_FOUND, INVALID_GGUF */
export async function readLlmHeader(llm: string): Promise<GgufFile> {
  const header = await readGguf(await languageModelFile(llm));
  if (architecture(header) !== MMPROJ) return header;
  const mend = "Give it as mmproj, and the GGUF file of its language model here.";
  throw wrongKind("a language model", header, "an mmproj file", mend);
}

/** @throws INVALID_ARGUMENT for a language model, CHECKPOINT_NOT_FOUND, INVALID_GGUF */
export async function readMmprojHeader(mmproj: string): Promise<GgufFile> {
  const header = await readGguf(await ggufFile(mmproj, "the mmproj", "the mmproj"));
  if (architecture(header) === MMPROJ) return header;
  const mend = "The mmproj is a file of its own beside the language model, such as mmproj-model-f16.gguf.";
  throw wrongKind("an mmproj file", header, `a language model (${architecture(header) || "nameless"})`, mend);
}

/**
 * Refuses an mmproj that was made for another language model, as far as the headers say it.
 * @throws INCOMPATIBLE
 */
export function requirePair(llm: GgufFile, mmproj: GgufFile): void {
  const own = architecture(llm);
  const projector = text(mmproj, "clip.vision.projector_type") || text(mmproj, "clip.projector_type");
  const pair = PAIRS.find(({ projectors }) => projectors.includes(projector));
  const other = otherFamily(own, pair);
  if (other !== null) throw mismatch(other, mmproj, projector, `${llm.file} (${own})`);
  const width = number(llm, `${own}.embedding_length`);
  const given = number(mmproj, "clip.vision.projection_dim");
  if (width === null || given === null || width === given || OTHER_WIDTH.includes(projector)) return;
  throw mismatch(`a language model of width ${given}`, mmproj, projector, `${llm.file} of width ${width}`);
}

/**
 * The same for a checkpoint's folder, by its `model_type`.
 * @throws INCOMPATIBLE
 */
export function requireFolderPair(llm: GgufFile, folder: string, modelType: unknown): void {
  const pair = PAIRS.find(({ modelTypes = [] }) => modelTypes.some((type) => type === modelType));
  const other = otherFamily(architecture(llm), pair);
  if (other === null) return;
  const received = `${llm.file} (${architecture(llm)})`;
  throw expectedBut("INCOMPATIBLE", other, `the checkpoint ${folder} (${modelType})`, received, {
    path: folder,
    mend: "A projector works with the language model that it was trained with: take both from one model.",
  });
}

/** The language models that a projector asks for, where `own` is none of them. */
function otherFamily(own: string, pair: Pair | undefined): string | null {
  const misses = OWN_PROJECTORS.includes(own) && !pair?.architectures.includes(own);
  if (!misses && (pair === undefined || pair.architectures.includes(own))) return null;
  return `a language model of ${pair?.architectures.join(" or ") ?? "another family"}`;
}

const mismatch = (what: string, mmproj: GgufFile, projector: string, received: string) =>
  expectedBut("INCOMPATIBLE", what, `the mmproj ${mmproj.file} (${projector})`, received, {
    path: mmproj.file,
    mend: "An mmproj works with the language model that it was made for: take both from one repository.",
  });

const wrongKind = (what: string, { file }: GgufFile, received: string, mend: string) =>
  expectedBut("INVALID_ARGUMENT", what, file, received, { path: file, mend });

const architecture = (header: GgufFile): string => text(header, "general.architecture");

function text({ metadata }: GgufFile, key: string): string {
  const value = metadata.get(key);
  return value?.type === "string" ? value.value : "";
}

function number({ metadata }: GgufFile, key: string): number | null {
  const value = metadata.get(key);
  return value?.type === "uint32" ? value.value : null;
}
