import { readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { VqraeError } from "../../sdk/index.ts";
import { uniform } from "../helpers/random.ts";
import { mutateJson } from "./mutate-json.ts";
import { seedsOf, type Target } from "./targets.ts";

export interface Finding {
  /** The seed, and what came of it. */
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly extension: string;
}

export interface FuzzResult {
  readonly inputs: number;
  /** How often each typed error came, and "read". */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

/** What a reader may take for a small file; a template's process has limits of its own. */
const TIME_LIMIT_MS = 30_000;
const MAX_FINDINGS = 10;
/** What lengths, counts and offsets are changed to. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Changes a file in one to eight places: bytes, numbers, cuts, pieces twice, pieces of another file. */
export function mutate(seed: Uint8Array, other: Uint8Array, random: () => number): Uint8Array {
  let bytes = Buffer.from(seed);
  const at = (length: number) => Math.floor(random() * Math.max(1, length));
  // Headers decide more than what follows them.
  const place = () =>
    random() < 0.6 ? at(Math.min(bytes.length, 2048)) : random() < 0.5 ? bytes.length - 1 - at(512) : at(bytes.length);
  for (let left = 1 + at(8); left > 0 && bytes.length > 0; left--) {
    const position = Math.max(0, place());
    const kind = at(8);
    if (kind < 2) bytes[position] = at(256);
    else if (kind === 2) bytes[position] = (bytes[position] ?? 0) ^ (1 << at(8));
    else if (kind === 3 && position + 4 <= bytes.length)
      bytes.writeUInt32LE(NUMBERS[at(NUMBERS.length)] ?? 0, position);
    else if (kind === 4 && random() < 0.3) bytes = bytes.subarray(0, position);
    else if (kind === 5) bytes = Buffer.concat([bytes.subarray(0, position), bytes.subarray(position + at(16))]);
    else if (kind === 6) {
      const piece = bytes.subarray(position, position + 1 + at(64));
      bytes = Buffer.concat([bytes.subarray(0, position), piece, bytes.subarray(position)]);
    } else if (other.length > 0) bytes.set(other.subarray(0, Math.min(at(64), bytes.length - position)), position);
  }
  return bytes;
}

/** Feeds changed fixtures to a reader until `done` of the number of inputs so far. Every outcome but a typed error, or a file that is read, is a finding. */
export async function fuzz(
  target: Target,
  { root, folder, seed, done }: { root: string; folder: string; seed: number; done: (inputs: number) => boolean },
): Promise<FuzzResult> {
  const random = uniform(seed);
  const seeds = await Promise.all(
    (await seedsOf(target, root)).map(async (path) => ({ path, bytes: await readFile(path) })),
  );
  const outcomes = new Map<string, number>();
  const findings: Finding[] = [];
  let unhandled: unknown;
  const onUnhandled = (error: unknown) => {
    unhandled = error ?? "nothing";
  };
  process.on("unhandledRejection", onUnhandled);
  let inputs = 0;
  const pick = () => seeds[Math.floor(random() * seeds.length)];
  for (; !done(inputs) && findings.length < MAX_FINDINGS; inputs++) {
    const [one, other] = [pick(), pick()];
    if (one === undefined || other === undefined) break;
    const bytes = target.json ? mutateJson(one.bytes, random) : mutate(one.bytes, other.bytes, random);
    const outcome = await outcomeOf(await reading(target, bytes, join(folder, `input${extname(one.path)}`), inputs));
    await new Promise((resolve) => setImmediate(resolve));
    const what = unhandled === undefined ? outcome : `unhandled ${unhandled}`;
    unhandled = undefined;
    outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    if (!/^(read|[A-Z_]+)$/.test(what))
      findings.push({ what: `${one.path}: ${what}`, bytes, extension: extname(one.path) });
  }
  process.off("unhandledRejection", onUnhandled);
  return { inputs, outcomes, findings };
}

/** Of a target that reads bytes, one input in so many is read from a file all the same, its tensors' numbers with it. */
const FROM_A_FILE = 32;

async function reading(target: Target, bytes: Uint8Array, path: string, inputs: number): Promise<() => Promise<void>> {
  const { readBytes } = target;
  if (readBytes && inputs % FROM_A_FILE !== 0) return () => readBytes(bytes);
  await writeFile(path, bytes);
  return () => target.read(path);
}

async function outcomeOf(read: () => Promise<void>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`nothing within ${TIME_LIMIT_MS / 1000} s`), TIME_LIMIT_MS);
  });
  const outcome = read().then(
    () => "read",
    (error: unknown) =>
      VqraeError.isInstance(error) ? error.code : `untyped ${error instanceof Error ? error.stack : error}`,
  );
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
}
