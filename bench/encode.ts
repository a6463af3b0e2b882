/**
 * Encoding, ours against what a Node developer would use instead: @huggingface/transformers on the same weights.
 *
 *   npm install --prefix bench && python bench/encode/make_models.py <folder>
 *   node bench/encode.ts <folder> [--models vit-s,siglip2-b,so400m] [--threads 2] [--rounds 15] [--stream 200]
 *
 * The sides of a table run in turn, round after round; a ratio is the median of the rounds' ratios to the table's first side.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { environment } from "../scripts/lib/environment.ts";
import { type LoadOptions, readImage, resize, VQRAE } from "../sdk/index.ts";
import { encoderFlops, openSgemm, type Sizes } from "./encode/sgemm.ts";
import { openTransformersJs } from "./encode/transformers-js.ts";
import { alternate, type Side, type Timing } from "./lib/alternate.ts";
import { cosines } from "./lib/cosines.ts";
import { median } from "./lib/median.ts";

const { values, positionals } = parseArgs({
  options: {
    models: { type: "string", default: "vit-s,siglip2-b,so400m" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "15" },
    stream: { type: "string", default: "200" },
    parts: { type: "string", default: "photo,encode,stages,stream,load" },
  },
  allowPositionals: true,
});
if (!positionals[0]) throw new Error("Expected the folder that bench/encode/make_models.py wrote.");
const root = resolve(positionals[0]);
const threads = Number(values.threads);
const rounds = Number(values.rounds);
const parts = new Set(values.parts.split(","));
const photos = { "640 px": join(root, "photos/small.jpg"), "12 megapixels": join(root, "photos/large.jpg") };

const sizesOf = async (model: string): Promise<Sizes & { readonly image_size: number }> =>
  JSON.parse(await readFile(join(root, model, "config.json"), "utf8"));

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [head, head.map(() => "---"), ...rows];
  console.log(`${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`);
}
const shown = ({ ms, ratio }: Timing): string => `${ms.toFixed(ms < 10 ? 2 : 0)} ms, ${ratio.toFixed(2)}x`;

/** Cosine of the features of photos/small.jpg and photos/large.jpg to those of PyTorch, the mean over patch tokens. */
async function cosinesToPyTorch(
  model: string,
  tokens: number,
  encode: (file: string) => Promise<Float32Array>,
): Promise<string> {
  const { hidden_size: d } = await sizesOf(model);
  const bytes = await readFile(join(root, model, "expected.f32"));
  const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const found: string[] = [];
  for (const [i, file] of Object.values(photos).entries()) {
    const features = await encode(file);
    // A class token comes first on both sides, where they have one; ours gives it apart.
    const own = features.subarray(features.length - tokens * d);
    const wanted = expected.subarray((i * expected.length) / 2, ((i + 1) * expected.length) / 2).subarray(-tokens * d);
    const each = cosines(own, wanted, d);
    found.push((each.reduce((sum, cosine) => sum + cosine) / each.length).toFixed(5));
  }
  return found.join(", ");
}

const ours: Record<string, LoadOptions> = {
  "vqrae fp32": { threads },
  "vqrae fp32, prepacked": { threads, prepack: true },
  "vqrae int8": { threads, precision: "int8" },
};
/** Of one photo alone: what a large JPEG is decoded to. */
const scaled: Record<string, LoadOptions> = {
  "vqrae fp32, decoded to scale": { threads, decoding: "scaled" },
  "vqrae int8, decoded to scale": { threads, precision: "int8", decoding: "scaled" },
};
const load = (folder: string, sides: Record<string, LoadOptions>) =>
  Promise.all(Object.entries(sides).map(async ([name, options]) => [name, await VQRAE.load(folder, options)] as const));

console.log(`${await environment()}; ${threads} threads, ${rounds} rounds\n`);
for (const model of values.models.split(",")) {
  const folder = join(root, model);
  const sizes = await sizesOf(model);
  const tokens = Math.floor(sizes.image_size / sizes.patch_size) ** 2;
  console.log(`## ${model}: ${tokens} tokens of ${sizes.image_size} x ${sizes.image_size} px\n`);

  if (["photo", "encode", "stages"].some((part) => parts.has(part))) {
    const rival = await openTransformersJs(folder, { dtype: "fp32", threads });
    const rivalInt8 = await openTransformersJs(folder, { dtype: "q8", threads }).catch(() => null);
    const tokenizers = await load(folder, ours);
    if (parts.has("photo")) {
      const ofPhotos = [...tokenizers, ...(await load(folder, scaled))];
      const rows: Record<string, string[]> = {};
      for (const photo of Object.values(photos)) {
        const sides: Record<string, Side> = { "transformers.js fp32": () => rival.encode([photo]) };
        if (rivalInt8) sides["transformers.js q8"] = () => rivalInt8.encode([photo]);
        for (const [name, tokenizer] of ofPhotos) sides[name] = () => tokenizer.encode(photo);
        for (const [name, timing] of Object.entries(await alternate(sides, rounds)))
          (rows[name] ??= []).push(shown(timing));
      }
      rows["transformers.js fp32"]!.push(await cosinesToPyTorch(model, tokens, (file) => rival.encode([file])));
      if (rivalInt8)
        rows["transformers.js q8"]!.push(await cosinesToPyTorch(model, tokens, (file) => rivalInt8.encode([file])));
      for (const [name, tokenizer] of ofPhotos) {
        rows[name]!.push(
          await cosinesToPyTorch(model, tokens, async (file) => (await tokenizer.encode(file)).features!),
        );
      }
      for (const [, tokenizer] of ofPhotos.slice(tokenizers.length)) await tokenizer.dispose();
      console.log("One photo, from file to features; cosine to PyTorch's features of the same two files:\n");
      table(
        ["", ...Object.keys(photos), "cosines"],
        Object.entries(rows).map(([name, cells]) => [name, ...cells]),
      );
    }
    if (parts.has("encode")) {
      // The image has the encoder's own size, so that resizing it changes nothing.
      const side = sizes.image_size;
      const image = resize(await readImage(photos["640 px"]), side, side, "bicubic");
      const inputs = await rival.prepare([photos["640 px"]]);
      const sgemm = await openSgemm(sizes, tokens, threads);
      const repeats = Math.max(1, Math.round(encoderFlops(sizes, tokens) / sgemm.flops / 4));
      const sides: Record<string, Side> = {
        [`sgemm x ${repeats}`]: async () => {
          for (let i = 0; i < repeats; i++) await sgemm.run();
        },
        "transformers.js fp32": () => rival.run(inputs),
      };
      for (const [name, tokenizer] of tokenizers) sides[name] = () => tokenizer.encode(image);
      const timings = await alternate(sides, rounds);
      const flops = (name: string) => (name.startsWith("sgemm") ? repeats * sgemm.flops : encoderFlops(sizes, tokens));
      const [first] = Object.keys(timings);
      console.log("Pixels of the encoder's size to features, against a plain matrix product of its MLP's shape:\n");
      table(
        ["", "time", "GFLOP/s", "of sgemm"],
        Object.entries(timings).map(([name, { ms, ratio }]) => [
          name,
          `${ms.toFixed(1)} ms`,
          (flops(name) / ms / 1e6).toFixed(0),
          `${((flops(name) / flops(first!) / ratio) * 100).toFixed(0)} %`,
        ]),
      );
      await sgemm.dispose();
    }
    if (parts.has("stages")) {
      console.log("Where one photo's time goes; each stage by itself, with what the one before it gave:\n");
      const { resample } = JSON.parse(await readFile(join(folder, "preprocessor_config.json"), "utf8"));
      const filter = resample === 3 ? "bicubic" : "bilinear";
      const side = sizes.image_size;
      const fp32 = tokenizers.find(([name]) => name === "vqrae fp32")![1];
      const int8 = tokenizers.find(([name]) => name === "vqrae int8")![1];
      for (const [size, photo] of Object.entries(photos)) {
        const [pixels, theirs] = [await readImage(photo), await rival.read(photo)];
        const [small, inputs] = [resize(pixels, side, side, filter), await rival.process(theirs)];
        const timings = await alternate(
          {
            "transformers.js: file to pixels": () => rival.read(photo),
            "transformers.js: pixels to inputs": () => rival.process(theirs),
            "transformers.js: inputs to features": () => rival.run(inputs),
            "vqrae: file to pixels": () => readImage(photo),
            "vqrae: pixels to the encoder's size": async () => resize(pixels, side, side, filter),
            "vqrae: those to features, fp32": () => fp32.encode(small),
            "vqrae: those to features, int8": () => int8.encode(small),
          },
          rounds,
        );
        table(
          ["", size],
          Object.entries(timings).map(([name, { ms }]) => [name, `${ms.toFixed(1)} ms`]),
        );
      }
    }
    await rival.dispose();
    await rivalInt8?.dispose();
    for (const [, tokenizer] of tokenizers) await tokenizer.dispose();
  }

  if (parts.has("stream") && model === "vit-s") {
    const files = Array.from({ length: Number(values.stream) }, (_, i) =>
      join(root, "photos/stream", `${String(i % 200).padStart(3, "0")}.jpg`),
    );
    const rival = await openTransformersJs(folder, { dtype: "fp32", threads });
    const inBatches = (size: number) => async () => {
      for (let i = 0; i < files.length; i += size) await rival.encode(files.slice(i, i + size));
    };
    const sides: Record<string, Side> = {
      "transformers.js, one by one": inBatches(1),
      "transformers.js, batches of 8": inBatches(8),
    };
    const tokenizers: VQRAE[] = [];
    for (const [name, options] of Object.entries(ours)) {
      for (const workers of [1, threads]) {
        const tokenizer = await VQRAE.load(folder, { ...options, workers, threads: Math.floor(threads / workers) });
        tokenizers.push(tokenizer);
        sides[`${name}, ${workers} worker${workers > 1 ? "s" : ""}`] = () => tokenizer.encode(files);
      }
    }
    const timings = await alternate(sides, 3);
    console.log(`A stream of ${files.length} photos of 640 px, all threads:\n`);
    table(
      ["", "photos/s", "ratio"],
      Object.entries(timings).map(([name, { ms, ratio }]) => [
        name,
        ((files.length / ms) * 1000).toFixed(1),
        `${(1 / ratio).toFixed(2)}x`,
      ]),
    );
    await rival.dispose();
    for (const tokenizer of tokenizers) await tokenizer.dispose();
  }

  if (parts.has("load")) {
    const script = new URL("./load-once.ts", import.meta.url).pathname;
    const run = promisify(execFile);
    const sides: [name: string, options: object, library: string][] = [
      ["transformers.js fp32", { dtype: "fp32", threads }, "transformers.js"],
      ...Object.entries(ours).map(([name, options]): [string, object, string] => [name, options, "vqrae"]),
    ];
    const seen = sides.map((): { ms: number; first: number; opened: number }[] => []);
    for (let round = 0; round < 4; round++) {
      for (const [i, [, options, library]] of sides.entries()) {
        const { stdout } = await run(process.execPath, [script, folder, JSON.stringify(options), library]);
        if (round > 0) seen[i]!.push(JSON.parse(stdout)); // the first one fills the page cache
      }
    }
    const rows = sides.map(([name], i) => {
      const middle = (key: "ms" | "first" | "opened") => median(seen[i]!.map((one) => one[key]));
      const seconds = (key: "ms" | "first") => `${(middle(key) / 1000).toFixed(2)} s`;
      return [name, seconds("ms"), seconds("first"), `${middle("opened").toFixed(0)} MB`];
    });
    console.log("Opened in a fresh process, files in the page cache, medians of three:\n");
    table(["", "open", "first features", "private memory when open"], rows);
  }
}
