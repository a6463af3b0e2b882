import { mkdir, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { downloadFileToCacheDir } from "@huggingface/hub";
import * as z from "zod";
import { VqraeError } from "../../sdk/index.ts";
import {
  expectedBut,
  onDisk,
  option,
  parseOptions,
  readRegularFile,
  requireRoom,
  whileLocked,
  writeWhole,
} from "../../sdk/kit.ts";
import { type DownloadSettings, downloadBlob } from "./download-file.ts";
import { askingHub } from "./hub-errors.ts";
import { hubAccess, hubSettings } from "./hub-settings.ts";
import { type ModelName, parseModelName } from "./model-name.ts";
import {
  type ConvertedType,
  chosenOf,
  hubCacheFolder,
  isConvertedType,
  type PlannedFile,
  type PullPlan,
  planPull,
  repoFolder,
} from "./plan-pull.ts";

/** How far a download is. */
export interface PullProgress {
  /** The file that is being fetched, in its repository. */
  readonly path: string;
  /** Bytes of all files that the cache did not have: those that came, and how many there are. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface PullOptions {
  /** Called once with what will be fetched, before it is, and waited for. What it throws ends the download. */
  readonly onPlan?: (plan: PullPlan) => unknown;
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

/** The GGUF files of a model in the cache. */
export interface PulledGguf {
  /** The language model's GGUF file, its first part. */
  readonly llm: string;
  readonly mmproj: string;
}

/** A checkpoint of transformers in the cache: config, safetensors, tokenizer and processor. */
export interface PulledCheckpoint {
  readonly folder: string;
  /** The repository's name without its owner; the folder's is that of a commit. */
  readonly name: string;
  /** What you want its language model converted to, as you named it; null where you did not. */
  readonly dtype: ConvertedType | null;
}

export type PulledModel = PulledGguf | PulledCheckpoint;

const schema = z.strictObject({
  onPlan: option.callback<NonNullable<PullOptions["onPlan"]>>(),
  onProgress: option.callback<NonNullable<PullOptions["onProgress"]>>(),
  signal: option.signal,
});

/**
 * Downloads a vision language model from the Hugging Face hub into its cache, or finds it there:
 *
 * ```ts
 * const { llm, mmproj } = await pullModel("ggml-org/SmolVLM-256M-Instruct-GGUF:Q8_0");
 * ```
 *
 * A repository without GGUF files, such as Qwen/Qwen2.5-VL-3B-Instruct, gives the folder of its checkpoint: `VQRAE.load` and
 * `loadProjector` take it, and `convertLlm` makes its language model a GGUF file.
 *
 * HF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to the Hugging Face tools, which share
 * this cache. A download that broke goes on where it was. Each file's hash is checked. If the hub cannot be reached,
 * what the cache has is used. Of two processes that want a file, one fetches it and the other waits.
 *
 * @param name "owner/repo", with ":" and a quantization, "@" and a revision if you like
 * @throws INVALID_ARGUMENT; SERVER_UNREACHABLE, SERVER_ERROR (401, 403 and 404 too); INVALID_CHECKPOINT for other content
 *   than the hub lists; IO_ERROR, also for a disk that has no room, before anything is fetched; CHECKPOINT_NOT_FOUND
 *   offline; the signal's reason
 */
export async function pullModel(name: string, options: PullOptions = {}): Promise<PulledModel> {
  const { onPlan, onProgress, signal } = parseOptions(schema, options, "pullModel");
  const model = parseModelName(name);
  const settings = await hubSettings();
  if (settings.offline) {
    const found = await cachedModel(model);
    if (found) return found;
    throw notCached(model, "HF_HUB_OFFLINE is set, and the cache has not all of its files");
  }
  const access = hubAccess(settings, signal);
  const plan = await planPull(model, access, signal).catch(async (error: unknown) => {
    const unreachable = VqraeError.isInstance(error) && error.code === "SERVER_UNREACHABLE";
    const found = unreachable ? await cachedModel(model) : null;
    if (found === null) throw error;
    return found;
  });
  if (!("files" in plan)) return plan;
  const cache = hubCacheFolder();
  await onDisk(cache, () => mkdir(cache, { recursive: true }));
  await onPlan?.(plan);
  await requireRoom(cache, plan.missingBytes, "set HF_HUB_CACHE to a folder on another disk");
  let doneBytes = 0;
  for (const file of plan.files) {
    const onBytes = (bytes: number) => {
      doneBytes += bytes;
      onProgress?.({ path: file.path, doneBytes, totalBytes: plan.missingBytes });
    };
    if (!file.cached) await fetchOnce(plan, file, { access, signal, onBytes });
    // The blob is there: this gives it its name in the commit's snapshot.
    await askingHub(`${file.path} of ${plan.repo}`, signal, () =>
      downloadFileToCacheDir({
        ...access,
        repo: { type: "model", name: plan.repo },
        path: file.path,
        revision: plan.commit,
      }),
    );
  }
  await rememberRevision(model, plan.commit);
  return pulledOf(join(repoFolder(plan.repo), "snapshots", plan.commit), plan.gguf, model);
}

function pulledOf(folder: string, gguf: PullPlan["gguf"], { repo, quant }: ModelName): PulledModel {
  if (gguf !== null) return { llm: join(folder, gguf.llm), mmproj: join(folder, gguf.mmproj) };
  const name = repo.slice(repo.indexOf("/") + 1);
  return { folder, name, dtype: quant !== null && isConvertedType(quant) ? quant : null };
}

/** Another process may fetch the same file: it is waited for, and what it has brought is used. */
async function fetchOnce(plan: PullPlan, file: PlannedFile, settings: DownloadSettings): Promise<void> {
  const folder = repoFolder(plan.repo);
  const lock = join(dirname(folder), ".locks", basename(folder), `${file.hash}.pull`);
  await whileLocked(lock, settings.signal, async () => {
    const there = await stat(join(folder, "blobs", file.hash)).catch(() => null);
    if (there?.size === file.bytes) settings.onBytes(file.bytes);
    else await downloadBlob(plan, file, settings);
  });
}

/** What the cache has of a model, without asking the hub; null if a file is missing. */
async function cachedModel(model: ModelName): Promise<PulledModel | null> {
  const { repo, quant, revision } = model;
  const commit = (await readRegularFile(refFile(repo, revision)).catch(() => revision)).toString("utf8").trim();
  if (!/^[0-9a-f]{40}$/.test(commit)) return null;
  const snapshot = join(repoFolder(repo), "snapshots", commit);
  const names = await readdir(snapshot, { recursive: true }).catch(() => []);
  const paths = names.map((name) => name.replaceAll("\\", "/"));
  try {
    return pulledOf(snapshot, chosenOf(paths, quant, repo).gguf, model);
  } catch {
    return null;
  }
}

const refFile = (repo: string, revision: string): string => join(repoFolder(repo), "refs", revision);

/** As the Python tools do, so that the name can be found again offline. */
async function rememberRevision({ repo, revision }: ModelName, commit: string): Promise<void> {
  if (revision === commit) return;
  const file = refFile(repo, revision);
  await onDisk(file, () => mkdir(dirname(file), { recursive: true }));
  await writeWhole(file, commit);
}

const notCached = ({ repo }: ModelName, received: string) =>
  expectedBut(
    "CHECKPOINT_NOT_FOUND",
    "a model in the cache",
    repo,
    received,
    `Run \`vqrae pull ${repo}\` with a network.`,
  );
