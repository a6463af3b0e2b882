import type { Tensor } from "onnxruntime-node";
import type { ImageTokens } from "../../contract/encoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import { present } from "../../errors.ts";
import { prepareViews } from "../../image/prepare-views.ts";
import { buildCodeTables } from "../../search/build-code-tables.ts";
import { CodeSearch, nearestInParts } from "../../search/code-search.ts";
import { type CodeTables, ownTables, shareTables } from "../../search/code-tables.ts";
import { takesSharedMemory } from "../../search/shared-memory.ts";
import { type Codes, nearestSigns } from "../../search/sign-codes.ts";
import type { Jobs, WorkerSetup } from "../pool/protocol.ts";
import { classify } from "./classify.ts";
import { embed } from "./embed.ts";
import { encoderInput, shareRuns } from "./encoder-input.ts";
import { embedIds, predictIds } from "./id-head.ts";
import { floats, output, split } from "./outputs.ts";
import type { Sessions } from "./sessions.ts";

/** Images that may not share an encoder pass take one each. */
export async function encode(
  sessions: Sessions,
  setup: WorkerSetup,
  { images, ...want }: Jobs["encode"]["input"],
): Promise<ImageTokens[]> {
  if (shareRuns(setup.image, setup.precision)) return encodePixels(sessions, setup, images, want);
  const encoded: ImageTokens[] = [];
  for (const one of images) encoded.push(...(await encodePixels(sessions, setup, [one], want)));
  return encoded;
}

/** n images of one size -> patches [n * N, 3pp] -> features [n, N, D] and ids [n, N], in one encoder pass. */
async function encodePixels(
  sessions: Sessions,
  { image, input }: WorkerSetup,
  pixels: readonly RgbImage[],
  { features, codes }: Omit<Jobs["encode"]["input"], "images">,
): Promise<ImageTokens[]> {
  const { grid, tokens, feeds } = encoderInput(sessions, pixels, image, input);
  const fetches = [...(features ? ["features", "class_token"] : []), ...(codes ? ["quantizer_input"] : [])];
  const outputs = await sessions.run("encoder", feeds, fetches);

  const count = pixels.length;
  const featuresOf = features ? split(floats("encoder", outputs, "features"), count) : null;
  const classTokenOf = outputs.class_token ? split(floats("encoder", outputs, "class_token"), count) : null;
  const idsOf = codes
    ? split(await quantize(sessions, codes, floats("encoder", outputs, "quantizer_input"), tokens, count), count)
    : null;
  return pixels.map((_, i) => ({
    grid,
    ...(featuresOf?.[i] && { features: featuresOf[i] }),
    ...(classTokenOf?.[i] && { classToken: classTokenOf[i] }),
    ...(idsOf?.[i] && { ids: idsOf[i] }),
  }));
}

/** For each thread's sessions, as they learn how well a codebook's filter does: one a codebook. */
const searches = new WeakMap<Sessions, readonly CodeSearch[]>();

/** The quantizer's input of t tokens, [t, layers * D] -> ids [t], or [t, codesPerToken], or of each image all scales'. */
async function quantize(
  sessions: Sessions,
  codes: Codes,
  input: Float32Array,
  tokens: number,
  images: number,
): Promise<Int32Array> {
  if (codes.metric === "residual") return residualIds(sessions, split(input, images), tokens / images);
  const tensor = sessions.tensor("float32", input, [tokens, input.length / tokens]);
  const outputs = await sessions.run("quantizer", { quantizer_input: tensor }, ["vectors"]);
  const vectors = floats("quantizer", outputs, "vectors");
  if (codes.metric === "signs") return nearestSigns(vectors, codes);
  let own = searches.get(sessions);
  if (own === undefined) {
    const shared = await takesSharedMemory(sessions);
    const tables = codes.metric === "parts" ? codes.parts : [codes];
    own = tables.map((one) => new CodeSearch(sessions, shared ? one : ownTables(one)));
    searches.set(sessions, own);
  }
  return nearestInParts(own, vectors);
}

/** One image at a time, so that its ids are the same whatever else there is. */
async function residualIds(sessions: Sessions, images: readonly Float32Array[], tokens: number): Promise<Int32Array> {
  const all: number[] = [];
  for (const input of images) {
    const tensor = sessions.tensor("float32", input, [tokens, input.length / tokens]);
    const outputs = await sessions.run("quantizer", { quantizer_input: tensor }, ["ids", "energies"]);
    floats("quantizer", outputs, "energies"); // read for its check alone
    all.push(...output("quantizer", outputs, "ids", Int32Array));
  }
  return Int32Array.from(all);
}

/** Codes that are projected at a time. */
const CODES_PER_RUN = 1024;

/** Computes E, by rows that {@link codebook} gives, and what its search needs; in shared memory. */
export async function codes(sessions: Sessions, { codebook: shape }: WorkerSetup): Promise<Codes> {
  const { size, dim, metric, firstBit = "most", codesPerToken = 1 } = present(shape, "a codebook");
  if (metric === "residual") return { metric };
  if (metric === "signs") return { metric, dim, firstBit };
  const rows = Array.from({ length: codesPerToken }, () => new Float32Array(size * dim));
  for (let first = 0; first < size; first += CODES_PER_RUN) {
    const count = Math.min(CODES_PER_RUN, size - first);
    // A token has one code of each codebook.
    const ids = Int32Array.from({ length: count * codesPerToken }, (_, i) => first + Math.floor(i / codesPerToken));
    const vectors = await codebook(sessions, { ids });
    for (let i = 0; i < count * codesPerToken; i++) {
      const code = first + Math.floor(i / codesPerToken);
      rows[i % codesPerToken]?.set(vectors.subarray(i * dim, (i + 1) * dim), code * dim);
    }
  }
  const parts: CodeTables[] = [];
  for (const own of rows) parts.push(shareTables(await buildCodeTables(sessions, own, size, dim, metric)));
  const [first, ...others] = parts;
  return others.length === 0 ? present(first, "a codebook") : { metric: "parts", parts };
}

/** ids [n, N] or features [n, N, D] -> pixels [n, H, W, 3] */
export async function decode(
  sessions: Sessions,
  { featureDim }: WorkerSetup,
  { images }: Jobs["decode"]["input"],
): Promise<RgbImage[]> {
  const outputs = await sessions.run("decoder", decoderFeeds(sessions, images, featureDim), ["pixels", "energies"]);
  floats("decoder", outputs, "energies"); // read for its check alone
  const pixels = output("decoder", outputs, "pixels", Uint8Array);
  const [, height = 0, width = 0] = outputs.pixels?.dims ?? [];
  return split(pixels, images.length).map((data) => ({ data, width, height }));
}

/** ids [n, N] -> features [n, N, D] */
export async function decodeFeatures(
  sessions: Sessions,
  { images }: Jobs["decodeFeatures"]["input"],
): Promise<Float32Array[]> {
  const outputs = await sessions.run("feature_decoder", decoderFeeds(sessions, images, null), ["features"]);
  return split(floats("feature_decoder", outputs, "features"), images.length);
}

function decoderFeeds(
  sessions: Sessions,
  images: readonly (Int32Array | Float32Array)[],
  featureDim: number | null,
): Record<string, Tensor> {
  const [first] = images;
  const length = first?.length ?? 0;
  if (first instanceof Float32Array && featureDim !== null) {
    const all = new Float32Array(images.length * length);
    for (const [i, features] of images.entries()) all.set(features, i * length);
    return { features: sessions.tensor("float32", all, [images.length, length / featureDim, featureDim]) };
  }
  const all = new BigInt64Array(images.length * length);
  for (const [i, ids] of images.entries()) all.set(BigInt64Array.from(ids, BigInt), i * length);
  return { ids: sessions.tensor("int64", all, [images.length, length]) };
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
  const features = setup.featureDim !== null;
  const [encoded] = await encode(sessions, setup, { images: [grey], features, codes });
  if (setup.projector)
    await embed(sessions, setup, { images: [prepareViews(grey, setup.projector.image)], viewsPerRun: 1 });
  if (graphs.classifier !== undefined) await classify(sessions, setup, { images: [grey] });
  const ids = encoded?.ids;
  if (ids !== undefined) await codebook(sessions, { ids });
  if (graphs.id_embedder !== undefined && ids !== undefined) {
    const hiddenStates = await embedIds(sessions, { ids });
    await predictIds(sessions, { hiddenStates, width: hiddenStates.length / ids.length });
  }
  if (graphs.feature_decoder !== undefined && ids !== undefined) await decodeFeatures(sessions, { images: [ids] });
  const drawn = setup.drawing && new Int32Array(setup.drawing.steps);
  const tokens = drawn ?? ids ?? encoded?.features;
  if (graphs.decoder !== undefined && tokens !== undefined) await decode(sessions, setup, { images: [tokens] });
}
