/**
 * What `convertLlm` takes of memory and time: prints the table of docs/convert-llm.md.
 *
 *   node bench/convert-llm.ts [--gigabytes 3] [--dtypes BF16,Q8_0]
 *
 * A Llama of seeded weights in BF16, in shards of 1 GB, is made in the system's temporary folder (TMPDIR) and removed. Each
 * conversion runs in a process of its own, whose largest resident set the system reports.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { convertLlm } from "../adapters/gguf/index.ts";
import { environment } from "../scripts/lib/environment.ts";
import { narrowBF16, requireRoom } from "../sdk/kit.ts";
import { streamSafetensors } from "../sdk/weights/safetensors/write-safetensors.ts";
import { gaussian, uniform } from "../test/helpers/random.ts";

const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "3" },
    dtypes: { type: "string", default: "BF16,F16,Q8_0" },
    /** The child's: convert this folder. */
    folder: { type: "string" },
    out: { type: "string", default: "" },
  },
});
const SHARD_BYTES = 1e9;
const WIDTH = 2048;
const FEED_FORWARD = 5632;
const VOCABULARY = 32_000;

if (values.folder) {
  const before = process.memoryUsage.rss();
  const begun = performance.now();
  const dtype = values.dtypes as "BF16";
  await convertLlm(values.folder, values.out, { dtype });
  const ms = performance.now() - begun;
  console.log(JSON.stringify({ ms, before, peak: process.resourceUsage().maxRSS * 1024 }));
} else {
  const bytes = Number(values.gigabytes) * 1e9;
  const scratch = await mkdtemp(join(tmpdir(), "vqrae-bench-convert-"));
  try {
    await requireRoom(scratch, 3 * bytes);
    const folder = join(scratch, "Llama-Made");
    const size = await makeModel(folder, bytes);
    const inGigabytes = (count: number) => `${(count / 1e9).toFixed(2)} GB`;
    console.log(`${await environment()}; a Llama of ${inGigabytes(size)} in BF16\n`);
    console.log("| dtype | file | time | RSS before | largest RSS |\n| --- | --- | --- | --- | --- |");
    for (const dtype of values.dtypes.split(",")) {
      const out = join(scratch, "model.gguf");
      const script = fileURLToPath(import.meta.url);
      const args = [script, "--folder", folder, "--out", out, "--dtypes", dtype];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const { ms, before, peak } = JSON.parse(stdout);
      const cells = [dtype, inGigabytes((await stat(out)).size), `${(ms / 1000).toFixed(0)} s`];
      console.log(`| ${[...cells, ...[before, peak].map((rss) => `${Math.round(rss / 1e6)} MB`)].join(" | ")} |`);
      await rm(out);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Layers until there are so many bytes; the tokenizer is a tiny one of the tests. Returns the bytes. */
async function makeModel(folder: string, bytes: number): Promise<number> {
  const tokenizer = fileURLToPath(new URL("../test/golden/convert-llm/vicuna-tiny-v1.5", import.meta.url));
  await cp(tokenizer, folder, { recursive: true, filter: (file) => !file.endsWith(".safetensors") });
  const square = [WIDTH, WIDTH];
  const block: [string, number[]][] = [
    ["input_layernorm", [WIDTH]],
    ["post_attention_layernorm", [WIDTH]],
    ...["q", "k", "v", "o"].map((name): [string, number[]] => [`self_attn.${name}_proj`, square]),
    ["mlp.gate_proj", [FEED_FORWARD, WIDTH]],
    ["mlp.up_proj", [FEED_FORWARD, WIDTH]],
    ["mlp.down_proj", [WIDTH, FEED_FORWARD]],
  ];
  const count = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
  const ends: [string, number[]][] = [
    ["model.embed_tokens", [VOCABULARY, WIDTH]],
    ["model.norm", [WIDTH]],
    ["lm_head", [VOCABULARY, WIDTH]],
  ];
  const sizeOf = (list: readonly [string, number[]][]) => list.reduce((sum, [, shape]) => sum + 2 * count(shape), 0);
  const layers = Math.max(1, Math.round((bytes - sizeOf(ends)) / sizeOf(block)));
  const blocks = Array.from({ length: layers }, (_, i) =>
    block.map(([name, shape]): [string, number[]] => [`model.layers.${i}.${name}`, shape]),
  );
  const tensors = [...ends, ...blocks.flat()].map(([name, shape]) => ({
    name: `${name}.weight`,
    dtype: "BF16" as const,
    shape,
  }));
  const shards: (typeof tensors)[] = [[]];
  let held = 0;
  for (const tensor of tensors) {
    if (held > SHARD_BYTES) {
      shards.push([]);
      held = 0;
    }
    shards.at(-1)?.push(tensor);
    held += 2 * count(tensor.shape);
  }
  const noise = narrowBF16(gaussian(uniform(1), 1 << 20, 0.02));
  const map: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const file = `model-${String(i + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.safetensors`;
    for (const { name } of shard) map[name] = file;
    await streamSafetensors(join(folder, file), shard, {}, async (write) => {
      for (const { name, shape } of shard) await write(name, repeated(noise, count(shape)));
    });
  }
  const config = {
    model_type: "llama",
    architectures: ["LlamaForCausalLM"],
    vocab_size: VOCABULARY,
    hidden_size: WIDTH,
    intermediate_size: FEED_FORWARD,
    num_hidden_layers: layers,
    num_attention_heads: 32,
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  const made = (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));
  const sizes = await Promise.all(made.map((name) => stat(join(folder, name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

async function* repeated(values: Uint16Array, count: number): AsyncGenerator<Uint16Array> {
  for (let left = count; left > 0; left -= values.length) yield values.subarray(0, Math.min(left, values.length));
}
