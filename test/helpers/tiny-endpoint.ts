import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImageGenerator, loadGenerator } from "../../adapters/generation/index.ts";
import { loadVlm, type Vlm } from "../../adapters/llama-cpp/index.ts";
import { createEndpoint, type EndpointOptions, type Listening, listen } from "../../adapters/openai/index.ts";
import { type TensorToWrite, writeSafetensors } from "../../sdk/weights/safetensors/write-safetensors.ts";
import { writeJson } from "../standalone/checkpoint/temporary.ts";
import { gaussian, uniform } from "./random.ts";
import { tinyTokenizer, writeTinyGenerator } from "./tiny-generator.ts";
import { writeTinyLlm } from "./tiny-llm.ts";

const FEATURES = 32;
const WIDTH = 64;

/** Models of random weights, each with all of its real parts; 16 tokens an image. */
export interface TinyModels extends AsyncDisposable {
  readonly vlm: Vlm;
  readonly generator: ImageGenerator;
}

/** What they are loaded from. */
export interface TinyFiles {
  readonly llm: string;
  readonly projector: string;
  readonly encoder: string;
  /** The image generator's language model. */
  readonly generator: string;
}

export async function writeTinyFiles(folder: string): Promise<TinyFiles> {
  const { path: llm } = await writeTinyLlm(join(folder, "tiny-vlm.gguf"), "qwen3");
  const { llm: generator } = await writeTinyGenerator(join(folder, "tiny-generator.gguf"));
  return { llm, generator, projector: await writeProjector(folder), encoder: tinyTokenizer };
}

export async function loadTinyModels(sequences = 2): Promise<TinyModels> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-endpoint-"));
  const { generator: generatorFile, llm, encoder, projector } = await writeTinyFiles(folder);
  const options = { device: "cpu", gpu: false, sequences, contextSize: 512, threads: 1, maxPixels: 1_000_000 } as const;
  const vlm = await loadVlm(llm, { encoder, projector, ...options });
  const source = { llm: generatorFile, tokenizer: vlm.tokenizer };
  const generator = await loadGenerator(source, { gpu: false, threads: 1 });
  return {
    vlm,
    generator,
    async [Symbol.asyncDispose]() {
      await generator.dispose();
      await vlm.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** From the tiny tokenizer's features to the tiny language model's embeddings. */
async function writeProjector(folder: string): Promise<string> {
  const random = uniform(5);
  const tensor = (name: string, ...shape: number[]): TensorToWrite => ({
    name,
    dtype: "F32",
    shape,
    data: gaussian(
      random,
      shape.reduce((a, b) => a * b, 1),
      0.5,
    ) as Float32Array<ArrayBuffer>,
  });
  await writeJson(folder, "config.json", {
    model_type: "vqrae_projector",
    projector_type: "internvl",
    hidden_size: FEATURES,
    text_hidden_size: WIDTH,
    downsample_ratio: 1,
    layer_norm_eps: 1e-5,
    features: { layer: -1, postNorm: true },
    image_prefix: "<|vision_start|>",
    image_suffix: "<|vision_end|>",
    tiles: null,
  });
  await writeSafetensors(join(folder, "model.safetensors"), [
    tensor("mlp1.0.weight", FEATURES),
    tensor("mlp1.0.bias", FEATURES),
    tensor("mlp1.1.weight", 40, FEATURES),
    tensor("mlp1.1.bias", 40),
    tensor("mlp1.3.weight", WIDTH, 40),
    tensor("mlp1.3.bias", WIDTH),
  ]);
  return folder;
}

/** An endpoint of these models on a free port. */
export async function serveTiny(
  { vlm, generator }: TinyModels,
  options: EndpointOptions = {},
): Promise<Listening & { readonly errors: unknown[] }> {
  const errors: unknown[] = [];
  const endpoint = await createEndpoint({
    languageModels: [vlm],
    imageModels: [generator],
    tokenizers: [vlm.tokenizer],
    parallel: 2,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { ...(await listen(endpoint, { port: 0 })), errors };
}

/** POSTs JSON, or what is no JSON as it is. */
export const post = (url: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal && { signal }),
  });
