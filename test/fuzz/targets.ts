import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parquetRows, tsvRows } from "../../adapters/benchmarks/index.ts";
import { openParquet } from "../../adapters/benchmarks/kit/readers/parquet.ts";
import { readGguf, readGgufTensor } from "../../adapters/gguf/index.ts";
import { checkLlm } from "../../adapters/llama-cpp/check/check-llm.ts";
import { ChatTemplate, type Vocabulary } from "../../adapters/prompt/index.ts";
import type { OpenFile } from "../../sdk/files/read-file.ts";
import { readRegularFile } from "../../sdk/files/regular-file.ts";
import { readImage } from "../../sdk/index.ts";
import { isWeightDtype, openSafetensors, openTorchFile, readJsonObject, readTensor } from "../../sdk/kit.ts";
import { isStridedWeight } from "../../sdk/weights/dtypes.ts";
import { readTorchFile } from "../../sdk/weights/torch-zip/open-torch-file.ts";
import { formTarget, jsonTargets } from "./json-targets.ts";

/** Reads a file as a program does that got it from somebody else. What it throws must be typed. */
export interface Target {
  /** Names of the fixtures that are changed. */
  readonly seeds: RegExp;
  /** Whether the fixtures are changed as JSON, and not byte by byte. */
  readonly json?: boolean;
  read(path: string): Promise<void>;
  /** The same of bytes that are in no file, which is much faster; most inputs go here where it is there. */
  readBytes?(bytes: Uint8Array): Promise<void>;
}

const imagesOf = (seeds: RegExp): Target => ({
  seeds,
  async read(path) {
    await readImage(path);
  },
});

/** Bytes as a file that is open. */
function inMemory(bytes: Uint8Array): OpenFile {
  const read = async (target: Uint8Array, start: number, length: number, position: number) => {
    const part = bytes.subarray(position, position + length);
    target.set(part, start);
    return { bytesRead: part.length, buffer: target };
  };
  const handle = { read } as unknown as OpenFile["handle"];
  return { handle, file: "bytes in memory", size: bytes.length, identity: "" };
}

const vocabulary: Vocabulary = {
  file: "a vocabulary",
  special: new Map([["<|im_end|>", 1]]),
  addedBos: 0,
  bosText: "<s>",
  eosText: "</s>",
  encode: (text) => [...text].map((character) => character.codePointAt(0) ?? 0),
};

export const targets: Readonly<Record<string, Target>> = {
  ...jsonTargets,
  form: formTarget,
  safetensors: {
    seeds: /\.safetensors$/,
    async read(path) {
      const { tensors } = await openSafetensors(path);
      for (const tensor of [...tensors.values()].slice(0, 3)) {
        const { dtype } = tensor;
        if (isWeightDtype(dtype)) await readTensor({ ...tensor, dtype });
      }
    },
  },
  torch: {
    seeds: /\.(pt|pth|ckpt)$/,
    async read(path) {
      const { tensors } = await openTorchFile(path);
      for (const tensor of [...tensors.values()].slice(0, 3)) {
        const { dtype } = tensor;
        if (isWeightDtype(dtype) || isStridedWeight(dtype)) await readTensor({ ...tensor, dtype });
      }
    },
    async readBytes(bytes) {
      await readTorchFile(inMemory(bytes));
    },
  },
  gguf: {
    seeds: /\.gguf$/,
    async read(path) {
      const gguf = await readGguf(path);
      for (const name of [...gguf.tensors.keys()].slice(0, 3)) await readGgufTensor(gguf, name);
      await checkLlm(gguf, path);
    },
  },
  parquet: {
    seeds: /\.parquet$/,
    async read(path) {
      const { names } = await openParquet(path, []);
      const images = names.filter((name) => name.startsWith("image"));
      const plain = names.filter((name) => !images.includes(name));
      for await (const { image } of parquetRows([path], plain, images))
        for (const name of images) await image(name).bytes();
    },
  },
  tsv: {
    seeds: /fuzz\/seeds\/.*\.tsv$/,
    async read(path) {
      for await (const { images } of tsvRows(path, ["index"])) for (const image of images) await image.bytes();
    },
  },
  image: imagesOf(/\.(png|jpe?g|gif|tiff?)$/),
  avif: imagesOf(/\.avif$/),
  webp: imagesOf(/\.webp$/),
  json: {
    seeds: /config\.json$/,
    async read(path) {
      await readJsonObject(path, "INVALID_CONFIG");
    },
  },
  template: {
    seeds: /\.jinja$/,
    async read(path) {
      const text = (await readRegularFile(path)).toString("utf8");
      const template = await ChatTemplate.open({ text, file: path }, vocabulary);
      await template.render([{ role: "user", parts: ["hello", null, "there"] }]);
    },
  },
};

const FOLDERS = ["test/golden", "test/fuzz", "docs/images", "examples/images", "models"];
/** A change of a few bytes means less in a larger one, and takes longer. */
const MAX_SEED_BYTES = 2_000_000;

/** The fixtures of a target, below the repository's root. */
export async function seedsOf({ seeds }: Target, root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of FOLDERS) {
    for (const name of await readdir(join(root, folder), { recursive: true }).catch(() => [])) {
      const path = join(root, folder, name);
      if (seeds.test(path) && (await stat(path)).size <= MAX_SEED_BYTES) found.push(path);
    }
  }
  return found.sort();
}
