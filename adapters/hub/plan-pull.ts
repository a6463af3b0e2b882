import { stat } from "node:fs/promises";
import { join } from "node:path";
import { getHFHubCachePath, getRepoFolderName, type ListFileEntry, listFiles, modelInfo } from "@huggingface/hub";
import { expectedBut } from "../../sdk/kit.ts";
import { chooseCheckpoint, hasCheckpoint, isWeights } from "./choose-checkpoint.ts";
import { chooseFiles } from "./choose-files.ts";
import { askingHub } from "./hub-errors.ts";
import type { HubAccess } from "./hub-settings.ts";
import type { ModelName } from "./model-name.ts";

/** A file that a model needs. */
export interface PlannedFile {
  /** In its repository. */
  readonly path: string;
  readonly bytes: number;
  /** The name of its content in the cache: SHA-256 of a large file, git's own hash of a small one. Hexadecimal. */
  readonly hash: string;
  /** Whether the cache has it already. */
  readonly cached: boolean;
}

/** What a download will bring, before anything is fetched. */
export interface PullPlan {
  readonly repo: string;
  /** The commit that the revision means now, 40 hexadecimal digits. */
  readonly commit: string;
  /** As the repository's card states it, such as "apache-2.0"; null for none. */
  readonly licence: string | null;
  /** The language model's first part, and the mmproj: paths in the repository. null for a checkpoint of transformers. */
  readonly gguf: { readonly llm: string; readonly mmproj: string } | null;
  readonly files: readonly PlannedFile[];
  /** Of all files. */
  readonly bytes: number;
  /** Of those that the cache does not have. */
  readonly missingBytes: number;
  /** Most that a checkpoint's language model takes as GGUF, in the type that you named; 0 for GGUF files. */
  readonly convertedBytes: number;
}

/** The Hugging Face cache: HF_HUB_CACHE, or as HF_HOME and XDG_CACHE_HOME say. */
export const hubCacheFolder = (): string => getHFHubCachePath();

/** The folder of a repository in the Hugging Face cache. */
export const repoFolder = (repo: string): string =>
  join(hubCacheFolder(), getRepoFolderName({ type: "model", name: repo }));

/** What the language model of a checkpoint can be converted to. */
export const CONVERTED_TYPES = ["F32", "F16", "BF16", "Q8_0"] as const;
export type ConvertedType = (typeof CONVERTED_TYPES)[number];

export const isConvertedType = (quant: string): quant is ConvertedType =>
  CONVERTED_TYPES.some((type) => type === quant);

const HASH = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * Asks the hub which files a model needs, and looks which of them the cache has.
 * @throws SERVER_UNREACHABLE, SERVER_ERROR; INVALID_ARGUMENT as `chooseFiles`; the signal's reason
 */
export async function planPull(
  { repo, quant, revision }: ModelName,
  access: HubAccess,
  signal: AbortSignal | undefined,
): Promise<PullPlan> {
  return askingHub(`${repo} at ${access.hubUrl}`, signal, async () => {
    const info = await modelInfo({ ...access, name: repo, revision, additionalFields: ["sha", "cardData", "tags"] });
    const commit = info.sha;
    if (typeof commit !== "string" || !/^[0-9a-f]{40}$/.test(commit)) throw notThere(repo, "a commit", commit);
    const files = new Map<string, ListFileEntry>();
    const listing = { ...access, repo: { type: "model", name: repo }, revision: commit, recursive: true } as const;
    for await (const file of listFiles(listing)) if (file.type === "file") files.set(file.path, file);
    const { gguf, paths } = chosenOf([...files.keys()], quant, repo);
    const planned: PlannedFile[] = [];
    for (const path of paths) {
      const file = files.get(path);
      const hash = file?.lfs?.oid ?? file?.oid;
      if (file === undefined || !HASH.test(hash ?? "") || hash === undefined)
        throw notThere(repo, `a hash of ${path}`, hash);
      const bytes = file.lfs?.size ?? file.size;
      const blob = await stat(join(repoFolder(repo), "blobs", hash)).catch(() => null);
      planned.push({ path, bytes, hash, cached: blob?.size === bytes });
    }
    const sum = (list: readonly PlannedFile[]) => list.reduce((total, { bytes }) => total + bytes, 0);
    return {
      repo,
      commit,
      licence: licenceOf(info),
      gguf,
      files: planned,
      bytes: sum(planned),
      missingBytes: sum(planned.filter(({ cached }) => !cached)),
      convertedBytes: gguf === null ? convertedBytes(sum(planned.filter(({ path }) => isWeights(path))), quant) : 0,
    };
  });
}

/** Weights are stored in 16 bits, or in 32 and become 16. Q8_0 keeps 32 numbers in 34 bytes. */
const convertedBytes = (stored: number, quant: string | null): number =>
  stored * (quant === "F32" ? 2 : quant === "Q8_0" ? 34 / 64 : 1);

/**
 * What of a repository's files makes a model: GGUF files, or a checkpoint of transformers where it has none.
 * @throws INVALID_ARGUMENT as `chooseFiles` and `chooseCheckpoint`
 */
export function chosenOf(
  all: readonly string[],
  quant: string | null,
  repo: string,
): { gguf: PullPlan["gguf"]; paths: readonly string[] } {
  if (hasCheckpoint(all) && !all.some((path) => path.endsWith(".gguf"))) {
    if (quant === null || isConvertedType(quant)) return { gguf: null, paths: chooseCheckpoint(all, repo) };
    const mend = `Its language model can be converted to ${CONVERTED_TYPES.join(", ")}: name one of these, or none.`;
    throw expectedBut("INVALID_ARGUMENT", `the quantization ${quant}`, `the repository ${repo}`, "safetensors", mend);
  }
  const { llm, mmproj } = chooseFiles(all, quant, repo);
  return { gguf: { llm: llm[0] ?? mmproj, mmproj }, paths: [...llm, mmproj] };
}

const notThere = (repo: string, what: string, received: unknown) =>
  expectedBut("SERVER_ERROR", what, `the hub's answer for ${repo}`, String(received));

function licenceOf({
  cardData,
  tags,
}: {
  readonly cardData?: unknown;
  readonly tags?: readonly string[];
}): string | null {
  const stated = cardData && typeof cardData === "object" && "license" in cardData ? cardData.license : null;
  if (typeof stated === "string") return stated;
  return tags?.find((tag) => tag.startsWith("license:"))?.slice("license:".length) ?? null;
}
