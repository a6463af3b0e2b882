/** A vision language model whose GGUF files are on the hub. */
export interface CatalogueModel {
  /** What `pullModel` and `vqrae pull` take. */
  readonly repo: string;
  /** The family of its vision part, as docs/ask-your-own-vlm.md lists them. */
  readonly family: string;
  /** Parameters in billions, by the model's own name. */
  readonly billions: number;
}

/** Of a language model at Q4_K_M, whose weights take 4.85 bits on average; the mmproj at F16 comes on top. */
const BYTES_PER_PARAMETER = 4.85 / 8;

/** About how large a download is, in bytes; the hub's listing says it exactly before anything is fetched. */
export const roughBytes = ({ billions }: CatalogueModel): number => billions * 1e9 * BYTES_PER_PARAMETER;

/**
 * Models from 0.3 to 8 billion parameters, small ones first. Checked on 2026-11-29: the repositories are those that
 * llama.cpp lists (docs/multimodal.md, version 0.5.0). Their weights were not fetched here, so sizes and licences are
 * what the hub says when you pull.
 */
export const catalogue: readonly CatalogueModel[] = [
  { repo: "ggml-org/SmolVLM-256M-Instruct-GGUF", family: "SmolVLM", billions: 0.256 },
  { repo: "ggml-org/SmolVLM-500M-Instruct-GGUF", family: "SmolVLM", billions: 0.5 },
  { repo: "ggml-org/InternVL3-1B-Instruct-GGUF", family: "InternVL", billions: 1 },
  { repo: "ggml-org/InternVL3-2B-Instruct-GGUF", family: "InternVL", billions: 2 },
  { repo: "ggml-org/Qwen2-VL-2B-Instruct-GGUF", family: "Qwen2-VL", billions: 2 },
  { repo: "ggml-org/SmolVLM2-2.2B-Instruct-GGUF", family: "SmolVLM", billions: 2.2 },
  { repo: "ggml-org/Qwen2.5-VL-3B-Instruct-GGUF", family: "Qwen2.5-VL", billions: 3 },
  { repo: "ggml-org/gemma-3-4b-it-GGUF", family: "Gemma 3", billions: 4 },
  { repo: "ggml-org/InternVL2_5-4B-GGUF", family: "InternVL", billions: 4 },
  { repo: "ggml-org/Qwen2-VL-7B-Instruct-GGUF", family: "Qwen2-VL", billions: 7 },
  { repo: "ggml-org/Qwen2.5-VL-7B-Instruct-GGUF", family: "Qwen2.5-VL", billions: 7 },
  { repo: "ggml-org/InternVL3-8B-Instruct-GGUF", family: "InternVL", billions: 8 },
];
