/**
 * How long it takes to find the nearest codes of an image's tokens, beside the matrix product alone:
 *
 *   node bench/quantizer.ts [--rounds 9] [--threads 1]
 *
 * All ways run in turn in every round. CPU time is what the process used, on a shared machine the steadier figure.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { environment } from "../scripts/lib/environment.ts";
import { readModel } from "../sdk/families/read-model.ts";
import { patchify } from "../sdk/image/patchify.ts";
import { preprocess } from "../sdk/image/preprocess.ts";
import { readImage } from "../sdk/index.ts";
import type { OnnxModel } from "../sdk/nn/onnx/graph-builder.ts";
import { DataType, encodeModel, type NodeProto, type ValueInfoProto } from "../sdk/nn/onnx/onnx-proto.ts";
import { importOnnxRuntime, Sessions } from "../sdk/runtime/sessions/sessions.ts";
import { buildCodeTables, round } from "../sdk/search/build-code-tables.ts";
import { CodeSearch } from "../sdk/search/code-search.ts";
import { squaredDistance } from "../sdk/search/exact-distance.ts";
import { buildCoordinatesGraph, buildFloat32SearchGraph, buildInt8SearchGraph } from "../sdk/search/search-graphs.ts";
import { SHORTLIST } from "../sdk/search/shortlists.ts";
import { median } from "./lib/median.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, threads: { type: "string", default: "1" } },
});
const [rounds, threads] = [Number(options.rounds), Number(options.threads)];

const graphs = new Sessions(await importOnnxRuntime(), {
  graphs: {
    float32_search: buildFloat32SearchGraph(SHORTLIST),
    int8_search: buildInt8SearchGraph(SHORTLIST),
    coordinates: buildCoordinatesGraph(),
  },
  device: "cpu",
  threads,
  precision: "fp32",
  prepack: false,
});

interface Scene {
  readonly name: string;
  readonly dim: number;
  readonly codes: Float32Array;
  readonly tokens: Float32Array;
}

// --- scenes ---

/** The shipped model's codes, and its tokens of an example photo. */
async function shippedModel(): Promise<Scene> {
  const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
  const { image, encoder, codebook, weights, graphs } = await readModel(path("models/vqrae-tiny"));
  const pixels = [preprocess(await readImage(path("examples/images/astronaut.jpg")), image)];
  const data = patchify(pixels, encoder.patchSize, image.mean, image.std);
  const tokens = encoder.grid! ** 2;
  const patches = new Tensor("float32", data, [tokens, data.length / tokens]);
  const { quantizer_input } = await runOnce(graphs.encode.build(weights.encoder, {}), { patches });
  const { vectors } = await runOnce(graphs.quantize!({}), { quantizer_input: quantizer_input! });
  const ids = BigInt64Array.from({ length: codebook!.size }, (_, id) => BigInt(id));
  const codes = await runOnce(graphs.codebook!({}), { ids: new Tensor("int64", ids, [ids.length]) });
  return {
    name: "shipped model, a photo's tokens",
    dim: codebook!.dim,
    codes: codes.vectors!.data as Float32Array,
    tokens: vectors!.data as Float32Array,
  };
}

async function runOnce(model: OnnxModel, feeds: Record<string, Tensor>): Promise<InferenceSession.OnnxValueMapType> {
  const folder = { model_external_initializers_file_folder_path: model.weightsFolder };
  const session = await InferenceSession.create(model.bytes, { extra: { session: folder } });
  return session.run(feeds);
}

let state = 1;
const uniform = (): number => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return ((state >>> 0) + 0.5) / 2 ** 32;
};
const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());

const gaussianCodes = (size: number, dim: number) => Float32Array.from({ length: size * dim }, normal);

/** Sixteen directions, each 0.8 times as long as the one before, and half a per cent everywhere else. */
function fewDirections(size: number, dim: number): Float32Array {
  const directions = Array.from({ length: 16 }, () => Float32Array.from({ length: dim }, normal));
  const codes = Float32Array.from({ length: size * dim }, () => 0.005 * normal());
  for (let at = 0; at < codes.length; at += dim) {
    for (const [j, direction] of directions.entries()) {
      const length = 0.8 ** j * normal();
      for (let i = 0; i < dim; i++) codes[at + i]! += length * direction[i]!;
    }
  }
  return codes;
}

/** Codes chosen all over the codebook, plus `noise` times a code's length. */
function nearCodes(codes: Float32Array, dim: number, count: number, noise: number): Float32Array {
  const size = codes.length / dim;
  const tokens = new Float32Array(count * dim);
  for (let t = 0; t < count; t++) {
    const code = codes.subarray(((t * 7919) % size) * dim).subarray(0, dim);
    const deviation = (noise * Math.hypot(...code)) / Math.sqrt(dim);
    for (let i = 0; i < dim; i++) tokens[t * dim + i] = code[i]! + deviation * normal();
  }
  return tokens;
}

// --- ways ---

type Way = () => Promise<string>;

async function waysOf({ dim, codes, tokens }: Scene): Promise<Map<string, Way>> {
  const [size, count] = [codes.length / dim, tokens.length / dim];
  const start = performance.now();
  const tables = await buildCodeTables(graphs, codes, size, dim);
  console.log(`Tables in ${(performance.now() - start).toFixed(0)} ms: ${tables.filter?.kind ?? "no filter"}.`);
  const search =
    (filter: typeof tables.filter): Way =>
    async () => {
      const way = new CodeSearch(graphs, { ...tables, filter });
      await way.nearest(tokens);
      const { filtered, float32, exhaustive } = way.counts;
      return [filtered, float32, exhaustive].map((n) => `${((100 * n) / count).toFixed(0)} %`).join(" / ");
    };
  const [t, k] = [count, size];
  const vectors = new Tensor("float32", tokens, [t, dim]);
  const feeds = { vectors, codes: new Tensor("float32", codes, [k, dim]) };
  const offsets = new Tensor("float32", tables.offsets, [k]);
  const product = await open(
    [{ opType: "Gemm", inputs: ["vectors", "codes"], outputs: ["y"], attributes: { transB: { int: 1 } } }],
    { vectors: [t, dim], codes: [k, dim] },
    { y: [t, k] },
  );
  const y = new Tensor("float32", new Float32Array(t * k), [t, k]);
  const textbook = await open(
    [
      { opType: "Gemm", inputs: ["vectors", "codes"], outputs: ["p"], attributes: { transB: { int: 1 } } },
      { opType: "Add", inputs: ["p", "p"], outputs: ["p2"], attributes: {} },
      { opType: "Mul", inputs: ["vectors", "vectors"], outputs: ["zz"], attributes: {} },
      { opType: "ReduceSum", inputs: ["zz", "axes"], outputs: ["z2"], attributes: { keepdims: { int: 1 } } },
      { opType: "Sub", inputs: ["z2", "p2"], outputs: ["d"], attributes: {} },
      { opType: "Add", inputs: ["offsets", "offsets"], outputs: ["e2"], attributes: {} },
      { opType: "Sub", inputs: ["d", "e2"], outputs: ["distances"], attributes: {} },
      {
        opType: "ArgMin",
        inputs: ["distances"],
        outputs: ["y"],
        attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
      },
    ],
    { vectors: [t, dim], codes: [k, dim], offsets: [k] },
    { y: [t] },
  );
  const ways = new Map<string, Way>([["ids, as the SDK finds them", search(tables.filter)]]);
  if (tables.filter?.kind === "projected") ways.set("through int8 instead", search(await round(graphs, codes, dim)));
  ways.set("through chunked Gemm + TopK", search(null));
  ways.set("textbook distances + ArgMin", async () => {
    await textbook.run({ ...feeds, offsets });
    return "not exact";
  });
  ways.set("the matrix product alone", async () => {
    await product.run(feeds, { y });
    return "no ids";
  });
  return ways;
}

async function open(
  nodes: readonly Omit<NodeProto, "name" | "domain">[],
  inputs: Record<string, number[]>,
  outputs: Record<string, number[]>,
): Promise<InferenceSession> {
  const infos = (shapes: Record<string, number[]>, type: DataType): ValueInfoProto[] =>
    Object.entries(shapes).map(([name, shape]) => ({ name, type, shape }));
  const argMin = nodes.at(-1)?.opType === "ArgMin";
  const bytes = encodeModel({
    name: "bench",
    nodes: nodes.map((node, i) => ({ ...node, name: `node_${i}`, domain: "" })),
    initializers: [{ name: "axes", type: DataType.int64, dims: [1], data: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) }],
    inputs: infos(inputs, DataType.float),
    outputs: infos(outputs, argMin ? DataType.int64 : DataType.float),
  });
  return InferenceSession.create(bytes, { intraOpNumThreads: threads, logSeverityLevel: 3 });
}

// --- the run ---

async function measure(scene: Scene): Promise<void> {
  const [count, size] = [scene.tokens.length / scene.dim, scene.codes.length / scene.dim];
  console.log(`\n**${scene.name}**: ${count} tokens, ${size} codes of ${scene.dim} numbers.`);
  const ways = await waysOf(scene);
  const samples = new Map([...ways.keys()].map((name) => [name, { wall: [] as number[], cpu: [] as number[] }]));
  const notes = new Map<string, string>();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of ways) {
      const before = process.cpuUsage();
      const start = performance.now();
      notes.set(name, await way());
      const wall = performance.now() - start;
      const { user, system } = process.cpuUsage(before);
      if (round === 0) continue; // opens sessions
      samples.get(name)!.wall.push(wall);
      samples.get(name)!.cpu.push((user + system) / 1000);
    }
  }
  const limit = median(samples.get("the matrix product alone")!.cpu);
  console.log("\n| way | wall ms | CPU ms | times the product | decided by filter / float32 / all |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [name, { wall, cpu }] of samples) {
    const ms = median(cpu);
    const cells = [name, median(wall).toFixed(1), ms.toFixed(1), (ms / limit).toFixed(2), notes.get(name)];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** How far tokens are from their codes, and from the next ones. */
async function margins({ dim, codes, tokens }: Scene): Promise<number> {
  const [noise, gaps]: [number[], number[]] = [[], []];
  for (let t = 0; t < tokens.length; t += dim) {
    const distances = Float64Array.from({ length: codes.length / dim }, (_, k) =>
      squaredDistance(tokens, t, codes, k * dim, dim),
    );
    const [first, second] = distances.toSorted();
    const length = Math.hypot(...tokens.subarray(t, t + dim));
    noise.push(Math.sqrt(first!) / length);
    gaps.push((second! - first!) / first!);
  }
  const ordered = gaps.toSorted((a, b) => a - b);
  const percent = (x: number) => `${(100 * x).toPrecision(2)} %`;
  const quantile = (q: number) => percent(ordered[Math.floor(q * ordered.length)]!);
  console.log(
    `Of the shipped model: a token is ${percent(median(noise))} of its length from its code (median); the second nearest code's`,
    `squared distance is larger by ${quantile(0.5)} (median; ${quantile(0.1)} or less for every tenth token).`,
  );
  return median(noise);
}

const threadWords = `${threads} thread${threads === 1 ? "" : "s"}`;
console.log(`${await environment()}; ${threadWords}, ${rounds} rounds, medians.\n`);
const shipped = await shippedModel();
const noise = await margins(shipped);
await measure(shipped);
for (const [count, size, dim] of [
  [196, 8192, 256],
  [1024, 16384, 1536],
] as const) {
  const codes = gaussianCodes(size, dim);
  const near = nearCodes(codes, dim, count, noise);
  await measure({ name: "codes in all directions, code-like tokens", dim, codes, tokens: near });
  const tokens = Float32Array.from({ length: count * dim }, normal);
  await measure({ name: "codes in all directions, pure noise", dim, codes, tokens });
}
const codes = fewDirections(16384, 1536);
const tokens = nearCodes(codes, 1536, 1024, noise);
await measure({ name: "codes along few directions, code-like tokens", dim: 1536, codes, tokens });
