/**
 * Checks tokenizers at full size with seeded weights: `node scripts/full-size/tokenizers.ts <file of a maker's --full-size> ...`, of
 * test/golden/tokenizers, unitok, ta-tok, rae or var.
 * Ids must equal those of the original repository's code; the largest differences of features and of decoded bytes, times and memory are
 * printed. What was found goes into tokenizers.json, which the table of docs/use-another-tokenizer.md is made of.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type FeatureDecoder, loadTokenizer, type RgbImage, type VisionTokenizer } from "../../sdk/index.ts";
import { type Expected, largestDifference, readExpected } from "../../test/golden/expected.ts";
import { writeWeights } from "../../test/golden/tokenizers/weights.ts";
import { environment } from "../lib/environment.ts";
import { type FullSize, fullSizeFile } from "./found.ts";

type Tokenizer = VisionTokenizer & FeatureDecoder;

/** A model's files, by their paths in its folder: weights by the shapes of their tensors, and JSON. */
interface Files {
  readonly weights: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  readonly json?: Readonly<Record<string, unknown>>;
  /** Ends of the names of tensors that are zeros. */
  readonly zeros?: readonly string[];
}

async function write(folder: string, { weights, json = {}, zeros = [] }: Files): Promise<void> {
  const at = async (path: string) => {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    return target;
  };
  for (const [path, tensors] of Object.entries(weights)) {
    await writeWeights(await at(path), tensors, (name) => zeros.some((end) => name.endsWith(end)));
  }
  for (const [path, content] of Object.entries(json)) await writeFile(await at(path), JSON.stringify(content));
}

/** Whatever the maker wrote of the model is compared. */
async function compare(tokenizer: Tokenizer, image: RgbImage, expected: Record<string, Expected>, name: string) {
  const wanted = (what: string) => expected[`${name}.${what}`]?.data;
  const { codebook, featureDim } = tokenizer.info;
  const start = performance.now();
  const { ids, features } = await tokenizer.encode(image, { features: featureDim !== null, ids: codebook !== null });
  const encoded = performance.now();
  const ownIds = wanted("ids");
  const tokens = ownIds ? Int32Array.from(ownIds) : Float32Array.from(wanted("features") ?? []);
  const picture = wanted("decoded") && (await tokenizer.decode(tokens));
  const decoded = performance.now();
  const again = wanted("decoded_features") && (await tokenizer.decodeFeatures(Int32Array.from(ownIds ?? [])));
  const difference = (found: ArrayLike<number> | undefined, what: string) =>
    found && wanted(what) && largestDifference(found, wanted(what) ?? []);
  return {
    ids: ids?.length,
    differentIds: ids && ids.filter((id, i) => id !== ownIds?.[i]).length + Math.abs(ids.length - tokens.length),
    bytes: difference(picture?.data, "decoded"),
    features: difference(features, "features"),
    decodedFeatures: difference(again, "decoded_features"),
    milliseconds: { encode: encoded - start, decode: decoded - encoded },
  };
}

for (const path of process.argv.slice(2)) {
  const expected = readExpected(path);
  const { data = [], shape = [] } = expected["image.0"] ?? {};
  const [height = 0, width = 0] = shape;
  const image = { data: Uint8Array.from(data), width, height };
  const models: Record<string, Files> = JSON.parse(await readFile(path.replace(/\.safetensors$/, ".json"), "utf8"));
  for (const [name, files] of Object.entries(models)) {
    const folder = await mkdtemp(join(tmpdir(), "full-size-"));
    let tokenizer: Tokenizer | undefined;
    try {
      await write(folder, files);
      const written = process.resourceUsage().maxRSS;
      const start = performance.now();
      tokenizer = await loadTokenizer(folder, { device: "cpu", cacheDir: false });
      const loaded = performance.now();
      const { milliseconds, ...found } = await compare(tokenizer, image, expected, name);
      const shapes = Object.values(files.weights).flatMap((tensors) => Object.values(tensors));
      const parameters = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
      const peak = Math.round(process.resourceUsage().maxRSS / 1024);
      const megabytes = { written: Math.round(written / 1024), peak };
      console.log({ name, parameters, ...found, milliseconds: { load: loaded - start, ...milliseconds }, megabytes });
      await note(name, { parameters, ...found, where: await environment() });
      if (found.differentIds !== undefined && found.differentIds > 0) process.exitCode = 1;
    } finally {
      await tokenizer?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    }
  }
}

async function note(name: string, found: FullSize): Promise<void> {
  const all: Record<string, FullSize> = JSON.parse(await readFile(fullSizeFile, "utf8"));
  await writeFile(fullSizeFile, `${JSON.stringify({ ...all, [name]: found }, null, 2)}\n`);
}
