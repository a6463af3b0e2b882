/** A vision language model whose GGUF files are on the hub. */
export interface CatalogueModel {
  /** What `pullModel` and `vqrae pull` take. */
  readonly repo: string;
  /** The family of its vision part, as docs/ask-your-own-vlm.md lists them. */
  readonly family: string;
  /** Parameters in billions, by the model's own name. */
  readonly billions: number;
  /** Its licence, and the public page that states it; null where none was found or two disagree. */
  readonly licence: { readonly name: string; readonly source: string } | null;
}

/** What was checked of the catalogue, and when. What the hub says as you pull goes before it. */
export const catalogueChecked = {
  date: "2026-11-29",
  repositories: "named in docs/multimodal.md of llama.cpp 0.5.0",
  licences: "read in stored public copies of the pages that are named as their sources",
  sizes: "not checked: estimated from the number of parameters",
  weights: "not fetched: the hub was not reached",
} as const;

/** Of a language model at Q4_K_M, whose weights take 4.85 bits on average; the mmproj at F16 comes on top. */
const BYTES_PER_PARAMETER = 4.85 / 8;

/** About how large a download is, in bytes; the hub's listing says it exactly before anything is fetched. */
export const roughBytes = ({ billions }: Pick<CatalogueModel, "billions">): number =>
  billions * 1e9 * BYTES_PER_PARAMETER;

const hub = (name: string, page: string) => ({ name, source: `https://huggingface.co/${page}` });
const smolvlm = hub("apache-2.0", "HuggingFaceTB/SmolVLM-Instruct");
const smolvlm256 = hub("apache-2.0", "HuggingFaceTB/SmolVLM-256M-Instruct");
const smolvlm500 = hub("apache-2.0", "HuggingFaceTB/SmolVLM-500M-Instruct");
const qwen2vl = { name: "apache-2.0", source: "https://github.com/QwenLM/Qwen2-VL" };
const qwenResearch = hub("qwen-research", "Qwen/Qwen2.5-VL-3B-Instruct");
const gemma = hub("gemma", "Mungert/gemma-3-4b-it-gguf");

/** Models from 0.3 to 8 billion parameters, small ones first. `catalogueChecked` says what is known of them. */
export const catalogue: readonly CatalogueModel[] = [
  { repo: "ggml-org/SmolVLM-256M-Instruct-GGUF", family: "SmolVLM", billions: 0.256, licence: smolvlm256 },
  { repo: "ggml-org/SmolVLM-500M-Instruct-GGUF", family: "SmolVLM", billions: 0.5, licence: smolvlm500 },
  { repo: "ggml-org/InternVL3-1B-Instruct-GGUF", family: "InternVL", billions: 1, licence: null },
  { repo: "ggml-org/InternVL3-2B-Instruct-GGUF", family: "InternVL", billions: 2, licence: null },
  { repo: "ggml-org/Qwen2-VL-2B-Instruct-GGUF", family: "Qwen2-VL", billions: 2, licence: qwen2vl },
  { repo: "ggml-org/SmolVLM-Instruct-GGUF", family: "SmolVLM", billions: 2.2, licence: smolvlm },
  { repo: "ggml-org/SmolVLM2-2.2B-Instruct-GGUF", family: "SmolVLM", billions: 2.2, licence: null },
  { repo: "ggml-org/Qwen2.5-VL-3B-Instruct-GGUF", family: "Qwen2.5-VL", billions: 3, licence: qwenResearch },
  { repo: "ggml-org/gemma-3-4b-it-GGUF", family: "Gemma 3", billions: 4, licence: gemma },
  { repo: "ggml-org/InternVL2_5-4B-GGUF", family: "InternVL", billions: 4, licence: null },
  { repo: "ggml-org/Qwen2-VL-7B-Instruct-GGUF", family: "Qwen2-VL", billions: 7, licence: qwen2vl },
  { repo: "ggml-org/Qwen2.5-VL-7B-Instruct-GGUF", family: "Qwen2.5-VL", billions: 7, licence: null },
  { repo: "ggml-org/InternVL3-8B-Instruct-GGUF", family: "InternVL", billions: 8, licence: null },
];
