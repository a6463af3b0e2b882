import type { Tensor } from "onnxruntime-node";
import { expectedBut, present } from "../../errors.ts";
import type { DrawingFacts } from "../../families/model.ts";
import { guide } from "../../sampling/guide.ts";
import { uniformNumbers } from "../../sampling/random.ts";
import { Sampler } from "../../sampling/sampler.ts";
import type { DrawingRequest, Jobs, WorkerSetup } from "../pool/protocol.ts";
import { floats } from "./outputs.ts";
import type { Sessions } from "./sessions.ts";

/** Ids that the cache grows by: a long picture would else pay for its end from the beginning on. */
const GROWTH = 512;

/** A block's keys or values: [rows, heads, capacity, headDim], of which the first `length` places of each head are used. */
interface Cache {
  data: Float32Array;
  tensor: Tensor;
}

/** One picture whose ids are drawn, and its cache. */
class Drawing {
  readonly #sessions: Sessions;
  readonly #facts: DrawingFacts;
  readonly #guidanceScale: number;
  readonly #sampler: Sampler;
  /** With the condition, and where there is guidance one without. */
  readonly #rows: number;
  #caches: readonly { readonly keys: Cache; readonly values: Cache }[] = [];
  #capacity = 0;
  #length = 0;
  #drawn = 0;
  #logits: Float32Array = new Float32Array(0);

  constructor(sessions: Sessions, facts: DrawingFacts, { guidanceScale, seed, ...rule }: DrawingRequest) {
    this.#sessions = sessions;
    this.#facts = facts;
    this.#guidanceScale = guidanceScale;
    this.#rows = guidanceScale === 1 ? 1 : 2;
    this.#sampler = new Sampler(uniformNumbers(seed), rule);
  }

  get isWhole(): boolean {
    return this.#drawn === this.#facts.steps;
  }

  /** The logits after the condition; without it, its features are zeros. */
  async begin(features: Float32Array): Promise<void> {
    const { conditions, conditionDim } = this.#facts;
    const all = new Float32Array(this.#rows * conditions * conditionDim);
    all.set(features);
    const condition = this.#sessions.tensor("float32", all, [this.#rows, conditions, conditionDim]);
    await this.#step(condition, this.#ids([]), conditions);
  }

  async draw(count: number): Promise<Int32Array> {
    const { codes, steps, conditionDim } = this.#facts;
    const ids = new Int32Array(count);
    const none = this.#sessions.tensor("float32", new Float32Array(0), [this.#rows, 0, conditionDim]);
    for (let i = 0; i < count; i++) {
      const own = this.#logits.subarray(0, codes);
      if (this.#rows === 2) guide(own, this.#logits.subarray(codes), this.#guidanceScale);
      const id = this.#sampler.draw(own);
      ids[i] = id;
      // Nothing follows the last one.
      if (++this.#drawn < steps) await this.#step(none, this.#ids([id]), 1);
    }
    return ids;
  }

  #ids(ids: readonly number[]): Tensor {
    const all = Array.from({ length: this.#rows }, () => ids.map(BigInt)).flat();
    return this.#sessions.tensor("int64", BigInt64Array.from(all), [this.#rows, ids.length]);
  }

  /** `count` tokens more. */
  async #step(condition: Tensor, ids: Tensor, count: number): Promise<void> {
    const { blocks } = this.#facts;
    const before = this.#length;
    // Nothing is cached before the condition; an axis of none is one masked place.
    const cached = before === 0 ? 1 : this.#capacity;
    if (before === 0) this.#caches = Array.from({ length: blocks }, () => this.#empty(1));
    const feeds: Record<string, Tensor> = {
      condition,
      ids,
      positions: this.#sessions.tensor(
        "int64",
        BigInt64Array.from({ length: count }, (_, i) => BigInt(before + i)),
        [count],
      ),
      mask: this.#sessions.tensor("float32", maskOf(before, cached, count), [count, cached + count]),
    };
    for (const [i, { keys, values }] of this.#caches.entries()) {
      feeds[`keys_${i}`] = keys.tensor;
      feeds[`values_${i}`] = values.tensor;
    }
    const names = this.#caches.flatMap((_, i) => [`new_keys_${i}`, `new_values_${i}`]);
    const outputs = await this.#sessions.run("drawer", feeds, ["logits", ...names]);
    this.#logits = floats("drawer", outputs, "logits");
    this.#makeRoom(before + count);
    for (const [i, { keys, values }] of this.#caches.entries()) {
      this.#keep(keys, outputs[`new_keys_${i}`], count);
      this.#keep(values, outputs[`new_values_${i}`], count);
    }
    this.#length += count;
  }

  /** new [rows, heads, count, headDim] -> its places in the cache */
  #keep({ data }: Cache, tensor: Tensor | undefined, count: number): void {
    const { headDim } = this.#facts;
    const added = present(tensor, "new keys and values").data as Float32Array;
    const size = count * headDim;
    for (let head = 0; head * size < added.length; head++) {
      const start = (head * this.#capacity + this.#length) * headDim;
      data.set(added.subarray(head * size, (head + 1) * size), start);
    }
  }

  /** For as many tokens as there will be, or for some more than there are. */
  #makeRoom(needed: number): void {
    if (needed <= this.#capacity) return;
    const { conditions, steps, headDim } = this.#facts;
    const before = this.#capacity * headDim;
    this.#capacity = Math.min(conditions + steps - 1, needed + GROWTH);
    const after = this.#capacity * headDim;
    // One after the other, so that never two of all are there.
    for (const one of this.#caches) {
      for (const cache of [one.keys, one.values]) {
        const grown = this.#cacheOf(this.#capacity);
        for (let head = 0; this.#length > 0 && head * before < cache.data.length; head++) {
          grown.data.set(cache.data.subarray(head * before, (head + 1) * before), head * after);
        }
        Object.assign(cache, grown);
      }
    }
  }

  #empty(capacity: number): { readonly keys: Cache; readonly values: Cache } {
    return { keys: this.#cacheOf(capacity), values: this.#cacheOf(capacity) };
  }

  #cacheOf(capacity: number): Cache {
    const { heads, headDim } = this.#facts;
    const dims = [this.#rows, heads, capacity, headDim];
    const data = new Float32Array(dims.reduce((product, size) => product * size, 1));
    return { data, tensor: this.#sessions.tensor("float32", data, dims) };
  }
}

/** [count, cached + count]: each new token hears the first `length` cached ones, itself and the new ones before it. */
function maskOf(length: number, cached: number, count: number): Float32Array {
  const mask = new Float32Array(count * (cached + count));
  for (let token = 0; token < count; token++) {
    const start = token * (cached + count);
    mask.fill(Number.NEGATIVE_INFINITY, start + length, start + cached);
    mask.fill(Number.NEGATIVE_INFINITY, start + cached + token + 1, start + cached + count);
  }
  return mask;
}

/** The picture of this thread, and how many there were. */
let current: { readonly ticket: number; readonly drawing: Drawing } | null = null;
let tickets = 0;

export async function beginDrawing(
  sessions: Sessions,
  { drawing: facts }: Pick<WorkerSetup, "drawing">,
  request: Jobs["beginDrawing"]["input"],
): Promise<number> {
  current = null; // its cache is free before the next one's is taken
  const drawing = new Drawing(sessions, present(facts, "a decoder that draws"), request);
  await drawing.begin(request.features);
  current = { ticket: ++tickets, drawing };
  return tickets;
}

/** @throws RUNTIME for a picture that was not begun here: its thread died meanwhile */
export async function draw({ ticket, count }: Jobs["draw"]["input"]): Promise<Int32Array> {
  if (current?.ticket !== ticket) {
    const mend = "Decode it again.";
    throw expectedBut("RUNTIME", "a picture that this thread has begun", "a drawing", "another", mend);
  }
  const { drawing } = current;
  const ids = await drawing.draw(count);
  if (drawing.isWhole) current = null; // and its cache is free
  return ids;
}
