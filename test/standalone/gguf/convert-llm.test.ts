import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, readFile, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { convertLlm, readGguf, readGgufTensor } from "../../../adapters/gguf/index.ts";
import { narrowBF16, narrowF16, openTensors, readTensor, writeSafetensors } from "../../../sdk/kit.ts";
import { gaussian, uniform } from "../../helpers/random.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, statfs: vi.fn(actual.statfs) };
});

const tokenizer = fileURLToPath(new URL("../../golden/convert-llm/vicuna-tiny-v1.5", import.meta.url));

type Stored = "F32" | "F16" | "BF16";
interface Shape {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly layers: number;
  readonly shards: number;
  readonly stored: Stored;
  readonly seed: number;
}

const encoded = (dtype: Stored, values: Float32Array) =>
  dtype === "F32" ? values : dtype === "F16" ? narrowF16(values) : narrowBF16(values);

/** A Llama of seeded weights, in so many shards. */
async function writeModel(shape: Shape): Promise<{ folder: string; names: string[] }> {
  const { heads, keyValueHeads, headDim, feedForward, vocabulary, layers, shards, stored, seed } = shape;
  const folder = await temporaryFolder();
  await cp(tokenizer, folder, { recursive: true, filter: (file) => !file.endsWith("model.safetensors") });
  const width = heads * headDim;
  const random = uniform(seed);
  const parts: [string, number[]][] = [
    ["model.embed_tokens", [vocabulary, width]],
    ["model.norm", [width]],
    ...Array.from({ length: layers }, (_, i) =>
      [
        ["input_layernorm", [width]],
        ["post_attention_layernorm", [width]],
        ["self_attn.q_proj", [width, width]],
        ["self_attn.k_proj", [keyValueHeads * headDim, width]],
        ["self_attn.v_proj", [keyValueHeads * headDim, width]],
        ["self_attn.o_proj", [width, width]],
        ["mlp.gate_proj", [feedForward, width]],
        ["mlp.up_proj", [feedForward, width]],
        ["mlp.down_proj", [width, feedForward]],
      ].map(([name, sizes]): [string, number[]] => [`model.layers.${i}.${name}`, sizes as number[]]),
    ).flat(),
  ];
  const tensors = parts.map(([name, sizes]) => {
    const count = sizes.reduce((product, size) => product * size, 1);
    return { name: `${name}.weight`, dtype: stored, shape: sizes, data: encoded(stored, gaussian(random, count, 1)) };
  });
  const map: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const file = `model-${shard}.safetensors`;
    const own = tensors.filter((_, i) => i % shards === shard);
    for (const { name } of own) map[name] = file;
    await writeSafetensors(join(folder, file), own);
  }
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  const config = {
    model_type: "llama",
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: feedForward,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  return { folder, names: tensors.map(({ name }) => name) };
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  heads: fc.constantFrom(2, 4),
  keyValueHeads: fc.constantFrom(1, 2),
  headDim: fc.constantFrom(2, 6, 8, 16),
  feedForward: fc.integer({ min: 1, max: 40 }),
  vocabulary: fc.integer({ min: 1, max: 400 }),
  layers: fc.integer({ min: 1, max: 3 }),
  shards: fc.integer({ min: 1, max: 4 }),
  stored: fc.constantFrom<Stored>("F32", "F16", "BF16"),
  seed: fc.integer({ min: 1, max: 1000 }),
});

/** Largest difference of a rounded number, relative to the largest of its row. */
const TOLERANCE = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8, Q8_0: 1 / 254 + 2 ** -11 };

test("any shape, dtype and number of shards: every number is there, in its type, and queries and keys in pairs", async () => {
  const dtypes = fc.constantFrom<"F32" | "F16" | "BF16" | "Q8_0">("F32", "F16", "BF16", "Q8_0");
  await fc.assert(
    fc.asyncProperty(shapes, dtypes, async (shape, dtype) => {
      const { folder, names } = await writeModel(shape);
      const out = join(folder, "out.gguf");
      const { tensors } = await convertLlm(folder, out, { dtype });
      const file = await readGguf(out);
      expect(tensors).toBe(names.length);
      expect(file.tensors.size).toBe(names.length);
      for (const stored of (await openTensors(folder)).values()) {
        const name = ggufName(stored.name);
        const written = file.tensors.get(name);
        expect(written?.shape).toEqual(stored.shape);
        const row = stored.shape.at(-1) ?? 1;
        const type = stored.shape.length < 2 ? "F32" : dtype === "Q8_0" && row % 32 !== 0 ? "F16" : dtype;
        expect(written?.type).toBe(type);
        const { dtype: from, ...ref } = stored;
        const values = await readTensor({ ...ref, dtype: from as Stored });
        const heads = name.includes("attn_q") ? shape.heads : name.includes("attn_k.") ? shape.keyValueHeads : null;
        const wanted = heads === null ? values : inPairs(values, heads, stored.shape);
        const found = await readGgufTensor(file, name);
        const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[i] ?? 9))), 0);
        expect(worst).toBeLessThanOrEqual(TOLERANCE[type] * largest);
      }
    }),
    { numRuns: 25, seed: 18 },
  );
}, 60_000);

function ggufName(name: string): string {
  const names: Record<string, string> = {
    input_layernorm: "attn_norm",
    post_attention_layernorm: "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  };
  const [, block, part = ""] = /^model\.layers\.(\d+)\.(.*)\.weight$/.exec(name) ?? [];
  if (block !== undefined) return `blk.${block}.${names[part]}.weight`;
  return name === "model.norm.weight" ? "output_norm.weight" : "token_embd.weight";
}

/** torch: reshape(heads, 2, rows / heads / 2, width).swapaxes(1, 2). */
function inPairs(values: Float32Array, heads: number, [rows = 1, width = 1]: readonly number[]): Float32Array {
  const half = rows / heads / 2;
  return values.map((_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const [head, inner] = [Math.floor(row / (2 * half)), row % (2 * half)];
    const source = head * 2 * half + (inner % 2) * half + Math.floor(inner / 2);
    return values[source * width + column] ?? 0;
  });
}

const plain: Shape = {
  heads: 4,
  keyValueHeads: 2,
  headDim: 16,
  feedForward: 64,
  vocabulary: 320,
  layers: 2,
  shards: 2,
  stored: "BF16",
  seed: 1,
};

test("a full disk is refused before anything is written", async () => {
  const { folder } = await writeModel(plain);
  const disk = await statfs(folder);
  vi.mocked(statfs).mockResolvedValueOnce({ ...disk, bavail: 1, bsize: 4096 });
  const before = await readdir(folder);
  await expect(convertLlm(folder, join(folder, "out.gguf"))).rejects.toMatchObject({
    code: "IO_ERROR",
    message: expect.stringMatching(/room for 0\.00 GB .*Free some space/s),
  });
  expect(await readdir(folder)).toEqual(before);
});

test("a conversion that is killed leaves the old file, and none under the new one's name", async () => {
  const { folder } = await writeModel({ ...plain, vocabulary: 4000, layers: 4 });
  const out = join(folder, "out.gguf");
  await writeFile(out, "old");
  const script = join(folder, "convert.mjs");
  const gguf = new URL("../../../adapters/gguf/index.ts", import.meta.url).href;
  const program = `import { convertLlm } from ${JSON.stringify(gguf)};
await convertLlm(${JSON.stringify(folder)}, ${JSON.stringify(out)}, { dtype: "F32", onProgress(done) {
  if (done === 0) return;
  process.stdout.write("going\\n");
  for (;;) {}
} });`;
  await writeFile(script, program);
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "close");
  expect(await readFile(out, "utf8")).toBe("old");
  await convertLlm(folder, out, { dtype: "F32" });
  expect((await readGguf(out)).tensors.size).toBe(9 * 4 + 2);
});

test("a folder that is not there is an error", async () => {
  const { folder } = await writeModel(plain);
  const out = join(folder, "nowhere", "out.gguf");
  await expect(convertLlm(folder, out)).rejects.toMatchObject({ code: "IO_ERROR" });
});
