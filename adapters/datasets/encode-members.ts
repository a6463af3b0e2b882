import { type Encoder, type ImageTokens, type RgbImage, readImage, VqraeError } from "../../sdk/index.ts";
import { narrowF16, setFields } from "../../sdk/kit.ts";
import { fill, sumOfTokens } from "../token-vectors.ts";
import type { Member } from "./inputs/member.ts";
import type { Row, RowTokens } from "./outputs/row.ts";

/** How members become rows. */
export interface EncodeMembers {
  readonly encoder: Encoder;
  /** The views of an image that are encoded. */
  readonly views: (image: RgbImage) => RgbImage[];
  readonly ids: boolean;
  readonly features: "pooled" | "whole" | null;
  readonly maxPixels: number | undefined;
  /** Images that one call of the encoder gets. */
  readonly batchSize: number;
  readonly signal: AbortSignal | undefined;
}

/** Batches of one shard that are read or encoded at a time: one is read while others run. */
const LANES = 3;
/** A batch with large images is closed early. */
const MAX_BATCH_PIXELS = 48_000_000;

/** Verdicts on an image itself; any other error is the machine's, and ends the shard, which is tried again. */
const VERDICTS: ReadonlySet<string> = new Set(["INVALID_IMAGE", "IMAGE_TOO_LARGE", "INVALID_ARGUMENT"]);

/**
 * One row for each member, in their order. A row depends on its member's bytes alone: the encoder gives an image the same ids
 * among others as alone, which `requireBatchInvariance` has looked at.
 */
export async function* encodeMembers(members: AsyncIterable<Member>, work: EncodeMembers): AsyncGenerator<Row[]> {
  const source = members[Symbol.asyncIterator]();
  // Lanes take members in turns, and hand in their batches in the order in which they were begun.
  let turn: Promise<unknown> = Promise.resolve();
  const take = (): Promise<Batch> => {
    const batch = turn.then(() => nextBatch(source, work));
    turn = batch.catch(() => {});
    return batch;
  };
  const running: Promise<Batch & { readonly rows: Row[] }>[] = [];
  const begin = (): void => {
    const encoded = take().then(async (batch) => ({ ...batch, rows: await encodeBatch(batch.read, work) }));
    encoded.catch(() => {}); // its error is told when its turn comes
    running.push(encoded);
  };
  try {
    for (let lane = 0; lane < LANES; lane++) begin();
    for (let next = running.shift(); next !== undefined; next = running.shift()) {
      const { rows, last } = await next;
      if (!last) begin();
      if (rows.length > 0) yield rows;
    }
  } finally {
    await Promise.allSettled(running);
    await source.return?.();
  }
}

interface Batch {
  readonly read: readonly Read[];
  /** The members have ended. */
  readonly last: boolean;
}

/** A member with its views, or with why there are none. */
interface Read {
  readonly member: Member;
  readonly size: { readonly width: number; readonly height: number };
  readonly views: readonly RgbImage[];
  readonly fault: { readonly error: string; readonly reason: string } | null;
}

async function nextBatch(source: AsyncIterator<Member>, work: EncodeMembers): Promise<Batch> {
  const read: Read[] = [];
  let pixels = 0;
  while (read.length < work.batchSize && pixels < MAX_BATCH_PIXELS) {
    work.signal?.throwIfAborted();
    const next = await source.next();
    if (next.done === true) return { read, last: true };
    const one = await readMember(next.value, work);
    for (const { width, height } of one.views) pixels += width * height;
    read.push(one);
  }
  return { read, last: false };
}

async function readMember(member: Member, { views, maxPixels }: EncodeMembers): Promise<Read> {
  const failed = (error: string, reason: string): Read => ({
    member,
    size: { width: 0, height: 0 },
    views: [],
    fault: { error, reason },
  });
  if (typeof member.content === "string") return failed(member.content, FAULTS[member.content]);
  try {
    const image = await readImage(member.content, setFields({ maxPixels }));
    return { member, size: image, views: views(image), fault: null };
  } catch (error) {
    if (!isVerdict(error)) throw error;
    return failed(error.code, error.message);
  }
}

const FAULTS = {
  TRUNCATED: "the archive ends in the middle of it",
  DUPLICATE_KEY: "an image of the same key came before",
  FILE_TOO_LARGE: "its file is larger than 256 MiB",
  NO_BYTES: "the cell holds no bytes",
  UNREADABLE: "its file is missing, closed to this user, or no file",
} as const;

async function encodeBatch(read: readonly Read[], work: EncodeMembers): Promise<Row[]> {
  const faults = new Map(read.flatMap((one) => (one.fault === null ? [] : [[one, one.fault] as const])));
  const tokens = new Map<Read, ImageTokens[]>();
  let left = read.filter((one) => !faults.has(one));
  while (left.length > 0) {
    try {
      const encoded: ImageTokens[] = await work.encoder.encode(
        left.flatMap(({ views }) => views),
        { features: work.features !== null, ids: work.ids, ...setFields({ signal: work.signal }) },
      );
      let start = 0;
      for (const one of left) {
        tokens.set(one, encoded.slice(start, start + one.views.length));
        start += one.views.length;
      }
      break;
    } catch (error) {
      const bad = isVerdict(error) && error.index !== undefined ? ownerOf(left, error.index) : undefined;
      if (bad === undefined || !isVerdict(error)) throw error;
      const { message } = VqraeError.isInstance(error.cause) ? error.cause : error;
      faults.set(bad, { error: error.code, reason: message });
      left = left.filter((one) => one !== bad);
    }
  }
  return read.map((one) => {
    const { key, sha256 } = one.member;
    const { error = null, reason = null } = faults.get(one) ?? {};
    return { key, sha256, error, reason, tokens: rowTokens(one, tokens.get(one), work.features) };
  });
}

/** Whose view is number `index` of a call. */
function ownerOf(read: readonly Read[], index: number): Read | undefined {
  let end = 0;
  return read.find(({ views }) => {
    end += views.length;
    return index < end;
  });
}

const isVerdict = (error: unknown): error is VqraeError => VqraeError.isInstance(error) && VERDICTS.has(error.code);

function rowTokens(
  { size: { width, height } }: Read,
  views: readonly ImageTokens[] | undefined,
  features: "pooled" | "whole" | null,
): RowTokens | null {
  const [first] = views ?? [];
  if (views === undefined || first === undefined) return null;
  const vectors = features && views.flatMap((view) => (features === "pooled" ? [pooled(view)] : (view.features ?? [])));
  return {
    width,
    height,
    grid: first.grid,
    ids: first.ids === undefined ? null : joined(views.flatMap(({ ids }) => ids ?? [])),
    features: vectors && narrowF16(joinedFloats(vectors)),
  };
}

/** One vector of an image: its class token, or where the encoder has none the mean of its tokens. */
export function pooled({ grid, features, classToken }: ImageTokens): Float32Array {
  if (classToken !== undefined) return classToken;
  const tokens = grid.rows * grid.columns;
  const dim = (features?.length ?? 0) / tokens;
  return Float32Array.from(sumOfTokens(features ?? [], dim), (value) => value / tokens);
}

function joined(parts: readonly Int32Array[]): Int32Array {
  return fill(new Int32Array(parts.reduce((sum, { length }) => sum + length, 0)), parts);
}

function joinedFloats(parts: readonly Float32Array[]): Float32Array {
  return fill(new Float32Array(parts.reduce((sum, { length }) => sum + length, 0)), parts);
}
