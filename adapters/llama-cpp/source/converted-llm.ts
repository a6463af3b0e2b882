import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import {
  defaultCacheFolder,
  expected,
  filesOf,
  isFile,
  type MadeFile,
  namesIn,
  onDisk,
  openFile,
  readExactly,
  readRegularFile,
  setFields,
  wait,
  whileLocked,
  writeWhole,
} from "../../../sdk/kit.ts";
import { type ConvertLlmOptions, convertLlm } from "../../gguf/index.ts";

/** How far the conversion of a checkpoint's language model is. */
export interface ConvertProgress {
  /** The checkpoint's folder. */
  readonly folder: string;
  /** The GGUF file that comes of it. */
  readonly file: string;
  /** Bytes of tensors: 0 before the first one. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** How a checkpoint's language model becomes a GGUF file in the cache. */
export interface ConvertedLlmOptions extends Pick<ConvertLlmOptions, "dtype"> {
  /** The model's name (default: as of `convertLlm`, by the folder's). */
  readonly name?: string | undefined;
  /** Where the file is kept (default: as of `VQRAE.load`); false is INVALID_ARGUMENT, since it needs a place. */
  readonly cacheDir?: string | false | undefined;
  /** Called before the work begins, and after each tensor; never where the file is there already. */
  readonly onConvert?: ((progress: ConvertProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Changes with everything that changes what `convertLlm` writes of a folder: files of another version are not read. */
const FORMAT = "llm 1";

/** What `convertLlm` reads besides weights. */
const READ = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer.model",
  "tokenizer_config.json",
  "added_tokens.json",
  "chat_template.jinja",
  "chat_template.json",
  "README.md",
];
const WEIGHTS = /\.safetensors(\.index\.json)?$|^pytorch_model.*\.bin(\.index\.json)?$/;

/** A file that has changed this recently may change again without its times telling: they move in steps. */
const SETTLED_MS = 2000;
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Whether a folder holds what `convertLlm` makes a GGUF file of. */
export async function isConvertible(folder: string): Promise<boolean> {
  return (await isFile(join(folder, "config.json"))) && (await readdir(folder)).some((name) => WEIGHTS.test(name));
}

/** The folder of such files in a cache. @throws INVALID_ARGUMENT for none */
export function convertedFolder(cacheDir: string | false | undefined): string {
  if (cacheDir !== false) return join(resolve(cacheDir ?? defaultCacheFolder()), "llm");
  const mend = "It is converted to a GGUF file once: name a folder for that, or give a GGUF file.";
  throw expected("INVALID_ARGUMENT", "a folder", 'option "cacheDir", for a checkpoint\'s language model,', false, mend);
}

/**
 * The language model of a checkpoint's folder as a GGUF file in the cache: made by `convertLlm` once, and again when a file
 * of the folder changes, or when the made one is damaged. Of two processes that want it, one makes it.
 *
 * @throws as `convertLlm`; IO_ERROR for a cache that cannot be written
 */
export async function convertedLlm(folder: string, options: ConvertedLlmOptions): Promise<string> {
  const { name, dtype = "auto", cacheDir, onConvert, signal } = options;
  const cache = convertedFolder(cacheDir);
  await onDisk(cache, () => mkdir(cache, { recursive: true }));
  // What is put behind it must fit into a file's name too.
  const shown = (name ?? basename(resolve(folder))).replaceAll(/[^\w.-]/g, "_").slice(0, 100);
  const type = dtype === "auto" ? "" : `-${dtype}`;
  const key = await keyOf(folder, [FORMAT, name ?? basename(resolve(folder)), dtype], signal);
  const file = join(cache, `${shown}${type}-${key}.gguf`);
  if (await isWhole(file)) return file;
  return whileLocked(`${file}.lock`, signal, async () => {
    if (await isWhole(file)) return file;
    const onProgress = (doneBytes: number, totalBytes: number) => onConvert?.({ folder, file, doneBytes, totalBytes });
    await convertLlm(folder, file, { dtype, onProgress, ...setFields({ name, signal }) });
    await writeWhole(sumFile(file), await sumOf(file));
    return file;
  });
}

const CONVERTED = /-[0-9a-f]{16}\.gguf$/;

/** The language models that were converted into a cache, the largest first. One that is being made is left out. */
export async function convertedModels(cacheDir: string | undefined): Promise<MadeFile[]> {
  const folder = convertedFolder(cacheDir);
  const names = await namesIn(folder);
  const whole = names.filter((name) => CONVERTED.test(name) && !names.includes(`${name}.lock`));
  return filesOf(folder, whole, [".crc32"]);
}

/** Names the folder's files as they are: where on the disk, how long, and when they were last touched. */
async function keyOf(folder: string, made: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(made));
  for (const name of (await readdir(folder)).sort()) {
    if (!READ.includes(name) && !WEIGHTS.test(name)) continue;
    const path = join(folder, name);
    const { dev, ino, size, mtimeNs, ctimeNs } = await settled(path, signal);
    hash.update(JSON.stringify([name, ...[dev, ino, size, mtimeNs, ctimeNs].map(String)]));
  }
  return hash.digest("hex").slice(0, 16);
}

/** What the system says of a file whose times tell when it changes from now on. */
async function settled(path: string, signal: AbortSignal | undefined): Promise<BigIntStats> {
  const look = () => onDisk(path, () => stat(path, { bigint: true }));
  const status = await look();
  const age = Date.now() - Number(status.ctimeMs);
  if (age >= SETTLED_MS) return status;
  await wait(SETTLED_MS - Math.max(age, 0), signal);
  return look();
}

const sumFile = (file: string): string => `${file}.crc32`;

/** Whether the file is there as it was written. */
async function isWhole(file: string): Promise<boolean> {
  if (!(await isFile(file))) return false;
  const sum = await readRegularFile(sumFile(file), 64).catch(() => null);
  return sum !== null && sum.toString() === (await sumOf(file));
}

async function sumOf(path: string): Promise<string> {
  const opened = await openFile(path);
  try {
    let sum = 0;
    for (let done = 0; done < opened.size; done += CHUNK_BYTES) {
      sum = crc32(await readExactly(opened, done, Math.min(CHUNK_BYTES, opened.size - done)), sum);
    }
    return `${sum.toString(16).padStart(8, "0")} ${opened.size}`;
  } finally {
    await opened.handle.close();
  }
}
