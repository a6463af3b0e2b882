import type { CodeTables, Int8Codes, ProjectedCodes } from "./code-tables.ts";
import { coordinatesOf, outsideSquare } from "./coordinates.ts";
import { float32Bound, float64Slack, int8Bound } from "./error-bounds.ts";
import { Nearest } from "./exact-distance.ts";
import type { GraphRunner, SearchGraph } from "./graph-runner.ts";
import { roundRow } from "./round-rows.ts";

/** Vectors of one graph run: their scores of every code, [256, K], are the largest array there is. */
const CHUNK = 256;
/** Codes on a shortlist, where there are as many. */
export const SHORTLIST = 16;
/** A filter that decides less than half of so many vectors is not asked again. */
const TRIAL = 512;

/** For each of t vectors the n best codes by a score that may be wrong by `bounds`. */
interface Shortlists {
  /** [t, n], descending. */
  readonly scores: Float32Array;
  /** [t, n] */
  readonly ids: Int32Array;
  /** [t]: no code's score is farther than this from z·e - |e|²/2, of vectors and codes less the center. */
  readonly bounds: Float64Array;
  /** [t], |z - center|² */
  readonly squares: Float64Array;
}

type Lister = (rows: Float32Array) => Promise<Shortlists>;

/** How many vectors each way has decided. */
export interface SearchCounts {
  filtered: number;
  float32: number;
  exhaustive: number;
}

/**
 * The nearest code of each vector by L2, exactly: what real arithmetic gives for these float32 numbers, of equally near
 * codes the lowest id. It therefore depends on neither chunks, threads nor processor.
 *
 * A cheap product lists a few codes of each vector with a bound on its error. Their distances are then computed exactly,
 * and where no code off the list can be as near, the vector is decided. Those that are not go to the float32 product, and
 * from there to all codes one by one.
 */
export class CodeSearch {
  readonly counts: SearchCounts = { filtered: 0, float32: 0, exhaustive: 0 };
  readonly #graphs: GraphRunner;
  readonly #tables: CodeTables;
  readonly #nearest: Nearest;
  #tried = 0;

  constructor(graphs: GraphRunner, tables: CodeTables) {
    this.#graphs = graphs;
    this.#tables = tables;
    this.#nearest = new Nearest(tables.codes, tables.dim);
  }

  /** vectors [t, e], finite -> ids [t] */
  async nearest(vectors: Float32Array): Promise<Int32Array> {
    const { size, dim, filter } = this.#tables;
    const ids = new Int32Array(vectors.length / dim).fill(-1);
    let open = Array.from(ids.keys());
    if (filter && this.#pays()) {
      open = await this.#decide(vectors, open, ids, (rows) =>
        filter.kind === "int8" ? this.#listInt8(rows, filter) : this.#listProjected(rows, filter),
      );
      this.#tried += ids.length;
      this.counts.filtered += ids.length - open.length;
    }
    const left = open.length;
    open = await this.#decide(vectors, open, ids, (rows) => this.#listFloat32(rows));
    this.counts.float32 += left - open.length;
    this.counts.exhaustive += open.length;
    for (const token of open) {
      const nearest = this.#nearest.reset(vectors, token * dim);
      for (let id = 0; id < size; id++) nearest.offer(id);
      ids[token] = nearest.id;
    }
    return ids;
  }

  #pays(): boolean {
    return this.#tried < TRIAL || this.counts.filtered >= this.#tried / 2;
  }

  /** Writes the ids that are certain, and returns the tokens that are left. */
  async #decide(vectors: Float32Array, tokens: number[], ids: Int32Array, list: Lister): Promise<number[]> {
    const { dim } = this.#tables;
    const left: number[] = [];
    for (let start = 0; start < tokens.length; start += CHUNK) {
      const chunk = tokens.slice(start, start + CHUNK);
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
    const { size, dim } = this.#tables;
    const count = Math.min(SHORTLIST, size);
    const nearest = this.#nearest.reset(rows, i * dim);
    const square = squares[i]!;
    const slack = float64Slack(dim);
    for (let c = 0; c < count; c++) {
      const score = scores[i * count + c]!;
      // This code and those after it are at least so far away: |z - e|² = |z|² - 2 score.
      const least = square - 2 * (score + bounds[i]! * (1 + slack)) - slack * (square + 2 * Math.abs(score));
      if (least > nearest.square) return nearest.id;
      nearest.offer(ids[i * count + c]!);
    }
    return count === size ? nearest.id : -1;
  }

  async #listFloat32(rows: Float32Array): Promise<Shortlists> {
    const { codes, offsets, norm, dim } = this.#tables;
    const count = rows.length / dim;
    const squares = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      let square = 0;
      for (let at = i * dim; at < (i + 1) * dim; at++) square += rows[at]! ** 2;
      squares[i] = square;
    }
    const bounds = squares.map((square) => float32Bound(dim, Math.sqrt(square), norm));
    return { ...(await this.#float32(rows, codes, offsets, dim)), bounds, squares };
  }

  async #listProjected(rows: Float32Array, filter: ProjectedCodes): Promise<Shortlists> {
    const { center, axes, rank, slack, norm, residual, offsets } = filter;
    const { dim } = this.#tables;
    const count = rows.length / dim;
    const exact = await coordinatesOf(this.#graphs, rows, center, axes);
    const squares = new Float64Array(count);
    const bounds = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      let square = 0;
      for (let d = 0; d < dim; d++) square += (rows[i * dim + d]! - center[d]!) ** 2;
      const length = Math.sqrt(square);
      // z·e differs from the product of the coordinates by that of the parts outside of the axes (Cauchy-Schwarz).
      const outside = Math.sqrt(outsideSquare(exact, i * rank, rank, square, slack));
      squares[i] = square;
      bounds[i] = outside * residual + slack * length * norm + float32Bound(rank, length, norm);
    }
    const coordinates = Float32Array.from(exact);
    return { ...(await this.#float32(coordinates, filter.coordinates, offsets, rank)), bounds, squares };
  }

  async #listInt8(rows: Float32Array, filter: Int8Codes): Promise<Shortlists> {
    const { center, norm, residual, integers, scales: codeScales, offsets } = filter;
    const { dim, size } = this.#tables;
    const count = rows.length / dim;
    const rounded = new Uint8Array(rows.length);
    const scales = new Float32Array(count);
    const squares = new Float64Array(count);
    const bounds = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const { scale, length, roundedLength, error } = roundRow(rows, i * dim, center, rounded, i * dim, 128);
      scales[i] = scale;
      squares[i] = length * length;
      // z·e - z'·e' = (z - z')·e + z'·(e - e'), of the rounded z' and e' (Cauchy-Schwarz).
      bounds[i] = error * norm + roundedLength * residual + int8Bound(dim, scale, roundedLength, norm + residual);
    }
    const feeds = {
      vectors: this.#graphs.tensor("uint8", rounded, [count, dim]),
      scales: this.#graphs.tensor("float32", scales, [count, 1]),
      codes: this.#graphs.tensor("int8", integers, [dim, size]),
      code_scales: this.#graphs.tensor("float32", codeScales, [size]),
      offsets: this.#graphs.tensor("float32", offsets, [size]),
    };
    return { ...(await this.#run("int8_search", feeds)), bounds, squares };
  }

  #float32(rows: Float32Array, codes: Float32Array, offsets: Float32Array, dim: number) {
    const { size } = this.#tables;
    return this.#run("float32_search", {
      vectors: this.#graphs.tensor("float32", rows, [rows.length / dim, dim]),
      codes: this.#graphs.tensor("float32", codes, [size, dim]),
      offsets: this.#graphs.tensor("float32", offsets, [size]),
    });
  }

  async #run(graph: SearchGraph, feeds: Parameters<GraphRunner["run"]>[1]) {
    const { scores, ids } = await this.#graphs.run(graph, feeds, ["scores", "ids"]);
    return { scores: scores!.data as Float32Array, ids: ids!.data as Int32Array };
  }
}

/** Rows of [t, dim]; a view where they follow one another. */
function gatherRows(vectors: Float32Array, tokens: readonly number[], dim: number): Float32Array {
  const first = tokens[0]!;
  if (tokens.at(-1)! - first === tokens.length - 1) {
    return vectors.subarray(first * dim, (first + tokens.length) * dim);
  }
  const rows = new Float32Array(tokens.length * dim);
  tokens.forEach((token, i) => {
    rows.set(vectors.subarray(token * dim, (token + 1) * dim), i * dim);
  });
  return rows;
}
