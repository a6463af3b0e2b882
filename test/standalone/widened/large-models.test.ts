import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ggufValue, rewriteGguf } from "../../../adapters/gguf/index.ts";
import {
  defineProjector,
  encodePng,
  type LoadOptions,
  type LoadProgress,
  type ProjectorOp,
  VQRAE,
} from "../../../sdk/index.ts";
import { requireFloats } from "../../../sdk/weights/dtypes.ts";
import { narrowBF16, narrowF16 } from "../../../sdk/weights/half.ts";
import { openTensors } from "../../../sdk/weights/open-tensors.ts";
import { writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import type { TensorRef } from "../../../sdk/weights/tensor-ref.ts";
import { uniform } from "../../helpers/random.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { runCli } from "../cli/run-cli.ts";
import { golden, picture } from "../runtime/fixtures/tiny.ts";
import { largeTensors, writeLarge } from "./large-model.ts";

/** Half of them are written with F16, half with BF16: a file may hold both. */
let model: string;
let shards: string;
/** What onnxruntime's own widening gives. */
let expected: Outputs;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-widened-"));
  [model, shards] = [await mkdtemp(join(folder, "model-")), await mkdtemp(join(folder, "shards-"))];
  const [half, brain] = [await largeTensors("F16"), await largeTensors("BF16")];
  const tensors = half.map((tensor, i) => (i % 2 === 0 ? tensor : brain[i]!));
  await writeLarge(model, tensors);
  await writeLarge(shards, tensors, 3);
  await sleep(2100); // files that are older are remembered by their times
  expected = await outputs(model, { cacheDir: false });
  afterAll(() => rm(folder, { recursive: true }));
}, 120_000);

type Outputs = Awaited<ReturnType<typeof outputs>>;

async function outputs(folder: string, options: LoadOptions) {
  await using tokenizer = await VQRAE.load(folder, { device: "cpu", ...options });
  const { features, ids, classToken } = await tokenizer.encode(picture(32, 32));
  const { data } = await tokenizer.decode(ids!, { seed: 1 });
  return { features, ids, classToken, data };
}

const weightsIn = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));
const leftIn = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith(".tmp"));

/** A load, and what it says of the widening. */
async function load(folder: string, cacheDir: string) {
  const said: LoadProgress[] = [];
  const found = await outputs(folder, { cacheDir, onProgress: (one) => one.phase === "widen" && said.push(one) });
  return { found, said };
}

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
    buffer[0]! ^= 0x40;
    await file.write(buffer, 0, 1, at);
  } finally {
    await file.close();
  }
}

test("the first load widens and says so, the second finds it; a damaged file is made again; all give the same numbers", async () => {
  const cacheDir = await temporaryFolder();
  const first = await load(model, cacheDir);
  expect(first.found).toEqual(expected);
  expect(first.said[0]).toMatchObject({ loaded: 0, detail: `kept in ${cacheDir}` });
  expect(first.said.length).toBeGreaterThan(10);
  expect(first.said.at(-1)!.loaded).toBe(first.said[0]!.total);
  const [file, ...others] = await weightsIn(cacheDir);
  expect(others).toEqual([]); // decoder and codebook are small
  const path = join(cacheDir, file!);
  const { ino, size } = await stat(path);
  expect(size).toBeGreaterThan(64 * 2 ** 20);

  const second = await load(model, cacheDir);
  expect(second.found).toEqual(expected);
  const { total } = first.said[0]!;
  expect(second.said).toEqual([0, total].map((loaded) => ({ phase: "widen", loaded, total })));
  expect((await stat(path)).ino).toBe(ino);

  await flipByte(path, size - 1000);
  const third = await load(model, cacheDir);
  expect(third.found).toEqual(expected);
  expect(third.said[0]).toHaveProperty("detail");
  expect((await stat(path)).ino).not.toBe(ino);

  // The same weights in shards are the same content.
  expect((await load(shards, cacheDir)).found).toEqual(expected);
  expect(await weightsIn(cacheDir)).toEqual([file]);
}, 120_000);

test("another weight in the source makes another file", async () => {
  const [folder, cacheDir] = [await temporaryFolder(), await temporaryFolder()];
  const tensors = await largeTensors("BF16");
  await writeLarge(folder, tensors);
  const before = await outputs(folder, { cacheDir });
  const weights = join(folder, "model.safetensors");
  await flipByte(weights, 2 * Math.floor((await stat(weights)).size / 4)); // a low byte of the encoder
  const after = await outputs(folder, { cacheDir });
  expect(after).toEqual(await outputs(folder, { cacheDir: false }));
  expect(await weightsIn(cacheDir)).toHaveLength(2);
  expect(after).not.toEqual(before);
}, 120_000);

test("a large projector has a file of its own, and its encoder the one that it has alone", async () => {
  const [folder, cacheDir] = [await temporaryFolder(), await temporaryFolder()];
  const [width, inner] = [512, 16_640];
  const random = uniform(2);
  const matrix = (name: string, out: number, into: number) => {
    const values = Float32Array.from({ length: out * into }, () => (random() - 0.5) / Math.sqrt(into));
    return { name, dtype: "BF16" as const, shape: [out, into], data: narrowBF16(values) };
  };
  await writeSafetensors(join(folder, "model.safetensors"), [matrix("1", inner, width), matrix("2", width, inner)]);
  const tensors = await openTensors(folder);
  const op = (name: string): ProjectorOp => ({
    op: "linear",
    weight: requireFloats(tensors.get(name) as TensorRef),
    transposed: false,
    bias: null,
  });
  const projector = defineProjector({
    type: "two matrices",
    modelId: "two-matrices",
    inputDim: width,
    features: { layers: [-1], tokens: "all_but_first" },
    ops: [op("1"), { op: "activation", kind: "gelu" }, op("2")],
    layout: {
      prefix: "",
      suffix: "",
      tiles: { kind: "wrapped", before: "", after: "", between: "" },
      attention: "causal",
    },
    tiling: null,
  });
  const embedded = async (options: LoadOptions) => {
    await using tokenizer = await VQRAE.load(model, { device: "cpu", projector, ...options });
    return await tokenizer.embed(picture(32, 32));
  };
  const found = await embedded({ cacheDir });
  expect(found).toEqual(await embedded({ cacheDir: false }));
  expect(await weightsIn(cacheDir)).toHaveLength(2);
  expect((await load(model, cacheDir)).said.map(({ detail }) => detail)).toEqual([undefined, undefined]);
  expect(await weightsIn(cacheDir)).toHaveLength(2);
}, 120_000);

test("an mmproj's large projector of F16 is widened too", async () => {
  const [file, cacheDir] = [join(await temporaryFolder(), "mmproj.gguf"), await temporaryFolder()];
  const [out, into] = [270_000, 64];
  const random = uniform(3);
  const values = Float32Array.from({ length: out * into }, () => random() - 0.5);
  const fc = { name: "mm.model.fc.weight", type: "F16" as const, shape: [out, into], data: narrowF16(values) };
  const metadata = [["clip.vision.projection_dim", ggufValue.uint32(out)] as const];
  await rewriteGguf(golden("mmproj/idefics3-f16.gguf"), file, { metadata, tensors: [fc] });
  const embedded = async (options: LoadOptions) => {
    await using tokenizer = await VQRAE.load(file, { device: "cpu", ...options });
    const { segments } = await tokenizer.embed(picture(16, 16));
    return Buffer.concat(
      segments.map((one) => (one.type === "embeddings" ? Buffer.from(one.data.buffer) : Buffer.of())),
    );
  };
  const found = await embedded({ cacheDir });
  expect(found.length).toBeGreaterThan(out * 4);
  expect(found.equals(await embedded({ cacheDir: false }))).toBe(true);
  expect(found.equals(await embedded({ cacheDir }))).toBe(true);
  expect(await weightsIn(cacheDir)).toHaveLength(1); // its tower is small
}, 120_000);

describe("no file", () => {
  test.each(["default", "deit-tiny"])("of the small model %s", async (name) => {
    const cacheDir = join(await temporaryFolder(), "none");
    await using tokenizer = await VQRAE.load(name, { device: "cpu", cacheDir });
    await tokenizer.encode(picture(32, 32));
    await expect(stat(cacheDir)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("where it cannot be written: it is widened in memory, and one warning says so", async () => {
    const cacheDir = join(await temporaryFolder(), "file");
    await writeFile(cacheDir, "");
    const warnings: Error[] = [];
    const listen = (warning: Error) => warnings.push(warning);
    process.on("warning", listen);
    try {
      for (let time = 0; time < 2; time++) expect(await outputs(model, { cacheDir })).toEqual(expected);
    } finally {
      process.off("warning", listen);
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ name: "VqraeWarning", code: "VQRAE_NOT_KEPT" });
    expect(warnings[0]!.message).toContain("16-bit weights are widened in memory, each time that they are loaded");
    expect(warnings[0]!.message).toContain('Pass another folder as option "cacheDir".');
  }, 120_000);

  test("where none may be used: int8 has no other way", async () => {
    const { code, message } = await failure(VQRAE.load(model, { precision: "int8", cacheDir: false }));
    expect(code).toBe("INVALID_ARGUMENT");
    expect(message).toContain('Expected a folder for option "cacheDir", for int8 weights, but received false.');
  });

  test("of a load that is aborted", async () => {
    const cacheDir = await temporaryFolder();
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ phase, loaded }: LoadProgress) => phase === "widen" && loaded > 3 && controller.abort(reason);
    await expect(VQRAE.load(model, { cacheDir, signal: controller.signal, onProgress })).rejects.toBe(reason);
    await expect.poll(() => readdir(cacheDir), { timeout: 10_000 }).toEqual([]);
  });
});

test("the command line says a line the first time; `vqrae cache` lists what was made, and clears it", async () => {
  const [cacheDir, image] = [await temporaryFolder(), join(await temporaryFolder(), "grey.png")];
  await writeFile(image, await encodePng(picture(32, 32)));
  const encode = (folder: string) => runCli("encode", image, "--model", model, "--cache-dir", folder);
  const line = `Widening the 16-bit weights of ${model}, once: kept in ${cacheDir}\n`;
  const first = await encode(cacheDir);
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toContain(line);
  const second = await encode(cacheDir);
  expect(second.stderr).not.toContain("Widening");
  expect(second.stdout).toBe(first.stdout);
  const off = await encode("off");
  expect(off.stdout).toBe(first.stdout);
  expect(off.stderr).not.toContain("Widening");

  const cache = async (...args: string[]) =>
    JSON.parse((await runCli("cache", "--cache-dir", cacheDir, "--json", ...args)).stdout);
  const [name] = await weightsIn(cacheDir);
  expect(await cache()).toMatchObject({ files: [{ kind: "weights", file: join(cacheDir, name!) }], cleared: false });
  await cache("--clear");
  expect(await readdir(cacheDir)).toEqual([]);
}, 120_000);

/** Loads in a process of its own, and prints a line when widening has begun, then its features. */
function loading(cacheDir: string): ChildProcess {
  const script = `
    import { VQRAE } from ${JSON.stringify(new URL("../../../sdk/index.ts", import.meta.url).href)};
    let told = false;
    const onProgress = ({ phase, loaded }) => {
      if (phase === "widen" && loaded > 3 && !told) console.log("widening");
      told ||= phase === "widen" && loaded > 3;
    };
    const tokenizer = await VQRAE.load(${JSON.stringify(model)}, { device: "cpu", cacheDir: ${JSON.stringify(cacheDir)}, onProgress });
    const data = ${JSON.stringify(Array.from(picture(32, 32).data))};
    const { features } = await tokenizer.encode({ data: Uint8Array.from(data), width: 32, height: 32 });
    console.log(JSON.stringify([...features]));
    await tokenizer.dispose();`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

test("processes that widen the same model at once all load it; one that is killed leaves nothing that stays", async () => {
  const cacheDir = await temporaryFolder();
  const killed = loading(cacheDir);
  await once(killed.stdout!, "data");
  killed.kill("SIGKILL");
  await once(killed, "exit");
  expect(await weightsIn(cacheDir)).toEqual([]);
  expect(await leftIn(cacheDir)).toHaveLength(1);

  const printed = await Promise.all(
    [loading(cacheDir), loading(cacheDir)].map(async (child) => {
      const chunks: Buffer[] = [];
      for await (const chunk of child.stdout!) chunks.push(chunk);
      return JSON.parse(Buffer.concat(chunks).toString().trim().split("\n").at(-1)!);
    }),
  );
  for (const features of printed) expect(features).toEqual([...expected.features!]);
  expect(await weightsIn(cacheDir)).toHaveLength(1);
  expect(await leftIn(cacheDir)).toEqual([]);
  const [name] = await weightsIn(cacheDir);
  expect((await readFile(join(cacheDir, `${name}.checked`), "utf8")).split("\n")).toHaveLength(2);
}, 120_000);
