import type { Tensor } from "onnxruntime-node";
import { expected, words } from "../errors.ts";
import { patchify } from "../image/patchify.ts";
import { preprocess } from "../image/preprocess.ts";
import { resize } from "../image/resize.ts";
import { buildCodeTables } from "../search/build-code-tables.ts";
import { CodeSearch } from "../search/code-search.ts";
import { type CodeTables, ownTables, shareTables } from "../search/code-tables.ts";
import { takesSharedMemory } from "../search/shared-memory.ts";
import type { ImageTokens, RgbImage, TokenGrid } from "../vision-tokenizer.ts";
import type { GraphName, Jobs, WorkerSetup } from "./protocol.ts";
import type { Sessions } from "./sessions.ts";

/**
 * Images of one grid share an encoder pass; where each has its own, each takes one. So does each image in 8 bits, whose
 * activations share one scale (DynamicQuantizeLinear): its numbers would depend on those it runs with.
 */
export async function encode(
  sessions: Sessions,
  setup: WorkerSetup,
  { images, ...want }: Jobs["encode"]["input"],
): Promise<ImageTokens[]> {
  const pixels = images.map((rgb) => preprocess(rgb, setup.image));
  const together = setup.image.geometry !== "native" && setup.precision === "fp32";
  if (together) return encodePixels(sessions, setup, pixels, want);
  const encoded: ImageTokens[] = [];
  for (const one of pixels) encoded.push(...(await encodePixels(sessions, setup, [one], want)));
  return encoded;
}

/** n images of one size -> patches [n * N, 3pp] -> features [n, N, D] and ids [n, N], in one encoder pass. */
async function encodePixels(
  sessions: Sessions,
  { image, patchSize }: WorkerSetup,
  pixels: readonly RgbImage[],
  { features, codes }: Omit<Jobs["encode"]["input"], "images">,
): Promise<ImageTokens[]> {
  const grid = gridOf(pixels[0]!, patchSize);
  const patches = patchify(pixels, patchSize, image.mean, image.std);
  const width = 3 * patchSize * patchSize;
  const fetches = [...(features ? ["features", "class_token"] : []), ...(codes ? ["quantizer_input"] : [])];
  const input = sessions.tensor("float32", patches, [patches.length / width, width]);
  const ownGrid = image.geometry === "native" && { grid: sessions.tensor("int64", bigints(grid), [2]) };
  const outputs = await sessions.run("encoder", { patches: input, ...ownGrid }, fetches);

  const count = pixels.length;
  const featuresOf = features ? split(floats("encoder", outputs, "features"), count) : null;
  const classTokenOf = outputs.class_token ? split(floats("encoder", outputs, "class_token"), count) : null;
  const tokens = patches.length / width;
  const idsOf = codes
    ? split(await quantize(sessions, codes, floats("encoder", outputs, "quantizer_input"), tokens), count)
    : null;
  return pixels.map((_, i) => ({
    grid,
    ...(featuresOf && { features: featuresOf[i]! }),
    ...(classTokenOf && { classToken: classTokenOf[i]! }),
    ...(idsOf && { ids: idsOf[i]! }),
  }));
}

const gridOf = ({ width, height }: RgbImage, patchSize: number): TokenGrid => ({
  rows: Math.floor(height / patchSize),
  columns: Math.floor(width / patchSize),
});

const bigints = ({ rows, columns }: TokenGrid) => BigInt64Array.of(BigInt(rows), BigInt(columns));

/** One for each thread's sessions, as it learns how well the codebook's filter does. */
const searches = new WeakMap<Sessions, CodeSearch>();

/** The quantizer's input of t tokens, [t, layers * D] -> ids [t]. */
async function quantize(
  sessions: Sessions,
  codes: CodeTables,
  input: Float32Array,
  tokens: number,
): Promise<Int32Array> {
  const tensor = sessions.tensor("float32", input, [tokens, input.length / tokens]);
  const outputs = await sessions.run("quantizer", { quantizer_input: tensor }, ["vectors"]);
  let search = searches.get(sessions);
  if (search === undefined) {
    search = new CodeSearch(sessions, (await takesSharedMemory(sessions)) ? codes : ownTables(codes));
    searches.set(sessions, search);
  }
  return search.nearest(floats("quantizer", outputs, "vectors"));
}

/** Codes that are projected at a time. */
const CODES_PER_RUN = 1024;

/** Computes E, by rows that {@link codebook} gives, and what its search needs; in shared memory. */
export async function codes(sessions: Sessions, { codebook: shape }: WorkerSetup): Promise<CodeTables> {
  const { size, dim } = shape!;
  const rows = new Float32Array(size * dim);
  for (let first = 0; first < size; first += CODES_PER_RUN) {
    const ids = Int32Array.from({ length: Math.min(CODES_PER_RUN, size - first) }, (_, i) => first + i);
    rows.set(await codebook(sessions, { ids }), first * dim);
  }
  return shareTables(await buildCodeTables(sessions, rows, size, dim));
}

/** The encoder's view of an image, brought to `side` pixels as training brought its targets to the decoder's size. */
export function target({ image: spec }: WorkerSetup, { image, side }: Jobs["target"]["input"]): RgbImage {
  return resize(preprocess(image, spec), side, side, "bicubic");
}

/** ids [n, N] -> pixels [n, H, W, 3] */
export async function decode(sessions: Sessions, { grids }: Jobs["decode"]["input"]): Promise<RgbImage[]> {
  const tokens = grids[0]?.length ?? 0;
  const ids = new BigInt64Array(grids.length * tokens);
  grids.forEach((grid, i) => {
    ids.set(BigInt64Array.from(grid, BigInt), i * tokens);
  });
  const input = sessions.tensor("int64", ids, [grids.length, tokens]);
  const outputs = await sessions.run("decoder", { ids: input }, ["pixels", "energies"]);
  floats("decoder", outputs, "energies"); // read for its check alone
  const pixels = output("decoder", outputs, "pixels", Uint8Array);
  const [, height = 0, width = 0] = outputs.pixels?.dims ?? [];
  return split(pixels, grids.length).map((data) => ({ data, width, height }));
}

/** ids [t] -> vectors [t, e] */
export async function codebook(sessions: Sessions, { ids }: Jobs["codebook"]["input"]): Promise<Float32Array> {
  const input = sessions.tensor("int64", BigInt64Array.from(ids, BigInt), [ids.length]);
  const outputs = await sessions.run("codebook", { ids: input }, ["vectors"]);
  return floats("codebook", outputs, "vectors").slice();
}

/** Does each job once on a grey image, so that the first real ones find the sessions open and the memory taken. */
export async function warmup(
  sessions: Sessions,
  setup: WorkerSetup,
  { codes }: Jobs["warmup"]["input"],
): Promise<void> {
  const { graphs, image } = setup;
  const side = image.geometry === "native" ? image.patchSize : image.size;
  const grey = { data: new Uint8Array(side * side * 3).fill(128), width: side, height: side };
  const [encoded] = await encode(sessions, setup, { images: [grey], features: true, codes });
  const ids = encoded?.ids;
  if (ids === undefined) return;
  await codebook(sessions, { ids });
  if (graphs.decoder !== undefined) await decode(sessions, { grids: [ids] });
}

type Outputs = Record<string, Tensor | undefined>;

/** Refuses NaN and infinity: ids and pixels that come of them look like any others. */
function floats(graph: GraphName, outputs: Outputs, name: string): Float32Array {
  const values = output(graph, outputs, name, Float32Array);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values;
  throw expected("RUNTIME", "finite numbers", outputOf(graph, name), values[bad], {
    mend: "Check the checkpoint's weights for NaN and infinity.",
  });
}

function output<A>(graph: GraphName, outputs: Outputs, name: string, type: new (...args: never[]) => A): A {
  const tensor = outputs[name];
  if (tensor?.data instanceof type) return tensor.data;
  const received = words(tensor === undefined ? "no such output" : tensor.type);
  throw expected("RUNTIME", type.name, outputOf(graph, name), received);
}

const outputOf = (graph: GraphName, name: string): string => `output "${name}" of the ${graph} graph`;

/** `count` equal parts, each with memory of its own, so that each can change thread by itself. */
function split<A extends Float32Array | Int32Array | Uint8Array>(data: A, count: number): A[] {
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.slice(i * size, (i + 1) * size) as A);
}
