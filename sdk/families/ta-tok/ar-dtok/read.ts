import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { expectedBut } from "../../../errors.ts";
import { isWeightsPath, openWeights } from "../../../weights/open-tensors.ts";
import { type TensorLookup, tensorLookup } from "../../../weights/tensor-lookup.ts";
import { isTorchPath, openTorchFile } from "../../../weights/torch-zip/open-torch-file.ts";
import { type Pickled, PickledDict } from "../../../weights/torch-zip/pickle-values.ts";
import { vqganPatchSize } from "../../vqgan/model.ts";
import { recogniseVqgan } from "../../vqgan/recognise.ts";
import { sizesOf } from "../../vqgan/sizes.ts";
import type { VqganSpec } from "../../vqgan/spec.ts";
import { resolveVqgan } from "../../vqgan/tensors.ts";
import { vqganVariant } from "../../vqgan/variants.ts";
import type { ArDtokSpec } from "./spec.ts";
import { isArDtok, resolveArDtok } from "./tensors.ts";

/** The decoder of pixels: what draws the ids of another tokenizer, and that tokenizer's decoder. */
export interface ArDtok {
  readonly drawer: ArDtokSpec;
  readonly vq: VqganSpec;
  /** Side of the grid of ids that it draws. */
  readonly side: number;
  /** Pixels of such an id's side. */
  readonly patchSize: number;
}

/** What a checkpoint of TA-Tok has that its decoder has to fit. */
export interface Condition {
  /** Numbers of a token's features. */
  readonly dim: number;
  /** Tokens of an image. */
  readonly tokens: number;
  /** The same without pooling: as many as AR-DTok was trained with at most. */
  readonly mostTokens: number;
}

const FOLDER = "decoder";
const WANTED = "AR-DTok's file (ar_dtok_lp_256px.pth) and that of LlamaGen's tokenizer (vq_ds16_t2i.pt)";

/**
 * AR-DTok as csuhan/Tar and FoundationVision/LlamaGen publish it: two files, under any names, in the checkpoint's folder "decoder".
 * @returns null where there is no such folder
 * @throws CHECKPOINT_NOT_FOUND for a file that is missing; INVALID_CHECKPOINT for one that is something else, twice there or of other
 *   sizes; UNSUPPORTED for an AR-DTok that draws after something else
 */
export async function readArDtok(root: string, condition: Condition): Promise<ArDtok | null> {
  const folder = join(root, FOLDER);
  if (!(await stat(folder).catch(() => null))?.isDirectory()) return null;
  const files = await readFiles(folder);
  const spec = resolveArDtok(files.drawer.tensors, condition.dim, files.drawer.path);
  const side = sideOf(spec, condition, files.drawer);
  const { names } = vqganVariant("llamagen");
  const sizes = sizesOf(files.vq.tensors, names, "table");
  const [codes] = spec.embeddings.shape;
  if (sizes.codes !== codes) {
    const what = `${codes} codes, as ${basename(files.drawer.path)} draws,`;
    throw expectedBut("INVALID_CHECKPOINT", what, basename(files.vq.path), `${sizes.codes}`, { path: files.vq.path });
  }
  // tok/mm_autoencoder.py: (x / 2 + 1 / 2) * 255, truncated.
  const vq = resolveVqgan(sizes, names, { codes: "cosine", zeroByte: 127.5 }, files.vq.tensors);
  return { drawer: spec, vq, side, patchSize: vqganPatchSize(sizes.encoder.length) };
}

interface Weights {
  readonly path: string;
  readonly tensors: TensorLookup;
  /** What the file says that its model was made with; empty where it says nothing. */
  readonly made: ReadonlyMap<Pickled, Pickled>;
}

async function readFiles(folder: string): Promise<{ drawer: Weights; vq: Weights }> {
  const paths = (await readdir(folder)).filter(isWeightsPath).sort();
  const found: Record<"drawer" | "vq", Weights[]> = { drawer: [], vq: [] };
  for (const name of paths) {
    const weights = await openPart(join(folder, name));
    const kind = isArDtok(weights.tensors) ? "drawer" : isLlamaGen(weights.tensors) ? "vq" : null;
    if (kind === null) {
      const received = `${weights.path}, which is neither`;
      throw expectedBut("INVALID_CHECKPOINT", WANTED, folder, received, { path: weights.path });
    }
    found[kind].push(weights);
  }
  const [drawer, vq] = [only(found.drawer, folder), only(found.vq, folder)];
  if (drawer && vq) return { drawer, vq };
  const received = drawer || vq ? `${paths[0]} alone` : "a folder without weights";
  const mend = "Both are on the hub: csuhan/TA-Tok, and peizesun/llamagen_t2i.";
  throw expectedBut("CHECKPOINT_NOT_FOUND", WANTED, folder, received, { mend, path: folder });
}

function only(weights: readonly Weights[], folder: string): Weights | undefined {
  const [first, second] = weights;
  if (second === undefined) return first;
  const received = weights.map(({ path }) => basename(path)).join(" and ");
  const mend = "Keep the one of the size that you want, and move the others elsewhere.";
  throw expectedBut("INVALID_CHECKPOINT", "one file of each kind", folder, received, { mend, path: folder });
}

const isLlamaGen = (tensors: TensorLookup): boolean => recogniseVqgan(tensors)?.variant === "llamagen";

async function openPart(path: string): Promise<Weights> {
  if (!isTorchPath(path)) return { path, tensors: tensorLookup(await openWeights(path), path), made: new Map() };
  const { tensors, value } = await openTorchFile(path);
  return { path, tensors: tensorLookup(tensors, path), made: entriesOf(value, "model", "args") };
}

/** The entries of a dictionary inside dictionaries. */
function entriesOf(value: Pickled, ...path: readonly string[]): ReadonlyMap<Pickled, Pickled> {
  const inner = path.reduce<Pickled>(
    (at, key) => (at instanceof PickledDict ? (at.entries.get(key) ?? null) : null),
    value,
  );
  return inner instanceof PickledDict ? inner.entries : new Map();
}

/**
 * The side of the grid of ids that it draws: its own argument `max_seq_len`, else what its positions leave beside the condition's.
 * @throws INVALID_CHECKPOINT for a count that is no square, or positions that do not suffice
 */
function sideOf({ positions }: ArDtokSpec, { tokens, mostTokens }: Condition, { path, made }: Weights): number {
  const places = positions.shape[1] ?? 0;
  const stated = made.get("max_seq_len");
  const count = typeof stated === "number" ? stated : places + 1 - mostTokens;
  const side = Math.sqrt(count);
  const subject = basename(path);
  if (!Number.isInteger(side) || side < 1) {
    throw expectedBut("INVALID_CHECKPOINT", "a square number of ids to draw", subject, `${count}`, { path });
  }
  if (places >= tokens + count - 1) return side;
  const what = `positions of ${tokens + count - 1} tokens, ${tokens} of TA-Tok and ${count} that it draws,`;
  throw expectedBut("INVALID_CHECKPOINT", what, subject, `${places}`, { path });
}
