import { entry } from "../linear-algebra/vectors.ts";
import type { CodeTables } from "./code-tables.ts";
import { distinctRows } from "./distinct-rows.ts";
import { float64Slack } from "./error-bounds.ts";
import { Nearest } from "./exact-distance.ts";
import { LargestProduct } from "./exact-product.ts";
import type { GraphRunner } from "./graph-runner.ts";
import { listFloat32, listInt8, listProjected, SHORTLIST, type Shortlists } from "./shortlists.ts";

/** Vectors of one graph run, at most. */
const CHUNK = 256;
/** Their scores of every code, [vectors, K], are the largest array there is: 64 MB. */
const SCORES = 2 ** 24;
const LEAST_CHUNK = 16;
/** After so many vectors, a filter that decides less than half of them is not used again. */
const TRIAL = 512;

/** How many vectors each way has decided. */
export interface SearchCounts {
  filtered: number;
  float32: number;
  exhaustive: number;
}

/**
 * The nearest code of each vector, by L2 or by the largest dot product, exactly: what real arithmetic gives for these float32 numbers, and the lowest
 * id of equally near codes. Chunks, threads and processor make no difference.
 *
 * A cheap product lists a few codes for each vector, with a bound on its error. The distances to these are computed
 * exactly. Where no other code can be as near, the vector is decided. An undecided vector goes to the float32 product,
 * and from there to all codes one by one.
 */
export class CodeSearch {
  readonly counts: SearchCounts = { filtered: 0, float32: 0, exhaustive: 0 };
  readonly #graphs: GraphRunner;
  readonly #tables: CodeTables;
  readonly #nearest: Nearest | LargestProduct;
  #tried = 0;
  #distinct: Int32Array | null = null;

  constructor(graphs: GraphRunner, tables: CodeTables) {
    this.#graphs = graphs;
    this.#tables = tables;
    const { metric, codes, dim } = tables;
    this.#nearest = metric === "distance" ? new Nearest(codes, dim) : new LargestProduct(codes, dim);
  }

  /** Width of a vector. */
  get dim(): number {
    return this.#tables.dim;
  }

  /** vectors [t, e], finite -> ids [t] */
  async nearest(vectors: Float32Array): Promise<Int32Array> {
    const { codes, dim, filter } = this.#tables;
    const ids = new Int32Array(vectors.length / dim).fill(-1);
    let open = Array.from(ids.keys());
    if (filter && this.#pays()) {
      open = await this.#decide(vectors, open, ids, (rows) =>
        filter.kind === "int8" ? listInt8(this.#graphs, rows, filter) : listProjected(this.#graphs, rows, filter),
      );
      this.#tried += ids.length;
      this.counts.filtered += ids.length - open.length;
    }
    const left = open.length;
    open = await this.#decide(vectors, open, ids, (rows) => listFloat32(this.#graphs, rows, this.#tables));
    this.counts.float32 += left - open.length;
    this.counts.exhaustive += open.length;
    for (const token of open) {
      // Where so many codes tie, they often are copies: of those the lowest id is the answer.
      this.#distinct ??= distinctRows(codes, dim);
      const nearest = this.#nearest.reset(vectors, token * dim);
      for (const id of this.#distinct) nearest.offer(id);
      ids[token] = nearest.id;
    }
    return ids;
  }

  #pays(): boolean {
    return this.#tried < TRIAL || this.counts.filtered >= this.#tried / 2;
  }

  /** Writes the ids that are certain, and returns the tokens that are left. */
  async #decide(
    vectors: Float32Array,
    tokens: number[],
    ids: Int32Array,
    list: (rows: Float32Array) => Promise<Shortlists>,
  ): Promise<number[]> {
    const { dim, size } = this.#tables;
    const left: number[] = [];
    const count = Math.max(LEAST_CHUNK, Math.min(CHUNK, Math.floor(SCORES / size)));
    for (let start = 0; start < tokens.length; start += count) {
      const chunk = tokens.slice(start, start + count);
      const rows = gatherRows(vectors, chunk, dim);
      const lists = await list(rows);
      for (const [i, token] of chunk.entries()) {
        const id = this.#certain(rows, i, lists);
        if (id < 0) left.push(token);
        else ids[token] = id;
      }
    }
    return left;
  }

  /** The nearest code of row `i`, or -1 where a code off its shortlist might be as near. */
  #certain(rows: Float32Array, i: number, { scores, ids, bounds, squares }: Shortlists): number {
    const bound = entry(bounds, i);
    if (bound === Number.POSITIVE_INFINITY) return -1; // its scores may be NaN, and its list anything
    const { size, dim } = this.#tables;
    const count = Math.min(SHORTLIST, size);
    const nearest = this.#nearest.reset(rows, i * dim);
    const square = entry(squares, i);
    const slack = float64Slack(dim);
    for (let c = 0; c < count; c++) {
      const score = scores[i * count + c]!;
      // This code and those after it are at least so far away: |z - e|² = |z|² - 2 score.
      const least = square - 2 * (score + bound * (1 + slack)) - slack * (square + 2 * Math.abs(score));
      if (least > nearest.square) return nearest.id;
      nearest.offer(ids[i * count + c]!);
    }
    return count === size ? nearest.id : -1;
  }
}

/**
 * The nearest code of each vector in a codebook of its own: searches[k] finds those of rows k, k + parts, and so on.
 * @param vectors [t * parts, e], finite -> ids [t * parts]
 */
export async function nearestInParts(searches: readonly CodeSearch[], vectors: Float32Array): Promise<Int32Array> {
  const parts = searches.length;
  const dim = searches[0]?.dim ?? 1;
  const tokens = vectors.length / (parts * dim);
  const ids = new Int32Array(tokens * parts);
  for (const [part, search] of searches.entries()) {
    const rows = new Float32Array(tokens * dim);
    for (let t = 0; t < tokens; t++) {
      const start = (t * parts + part) * dim;
      rows.set(vectors.subarray(start, start + dim), t * dim);
    }
    for (const [t, id] of (await search.nearest(rows)).entries()) ids[t * parts + part] = id;
  }
  return ids;
}

/** Rows of [t, dim]; a view where they follow one another. */
function gatherRows(vectors: Float32Array, tokens: readonly number[], dim: number): Float32Array {
  const [first = 0] = tokens;
  if (tokens.at(-1) === first + tokens.length - 1) {
    return vectors.subarray(first * dim, (first + tokens.length) * dim);
  }
  const rows = new Float32Array(tokens.length * dim);
  tokens.forEach((token, i) => {
    rows.set(vectors.subarray(token * dim, (token + 1) * dim), i * dim);
  });
  return rows;
}
