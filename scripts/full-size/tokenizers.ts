/**
 * Checks tokenizers at full size with seeded weights: `node scripts/full-size/tokenizers.ts <file of make_tokenizers.py --full-size> ...`.
 * Ids must equal those of the original repository's code; the largest differences of decoded bytes, times and memory are printed.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasCodebook, loadTokenizer, type VisionTokenizer } from "../../sdk/index.ts";
import { largestDifference, readExpected } from "../../test/golden/expected.ts";
import { writeWeights } from "../../test/golden/tokenizers/weights.ts";

for (const path of process.argv.slice(2)) {
  const expected = readExpected(path);
  const shapes: Record<string, Record<string, number[]>> = JSON.parse(
    await readFile(path.replace(/\.safetensors$/, ".json"), "utf8"),
  );
  for (const [name, tensors] of Object.entries(shapes)) {
    const folder = await mkdtemp(join(tmpdir(), "full-size-"));
    let tokenizer: VisionTokenizer | undefined;
    try {
      const file = join(folder, `${name}.safetensors`);
      await writeWeights(file, tensors);
      const start = performance.now();
      tokenizer = await loadTokenizer(file, { device: "cpu", cacheDir: false });
      if (!hasCodebook(tokenizer)) throw new Error(`${name} has no codebook`);
      const loaded = performance.now();
      const { data, shape } = expected["image.0"] ?? { data: new Uint8Array(), shape: [] };
      const [height = 0, width = 0] = shape;
      const { ids } = await tokenizer.encode({ data: Uint8Array.from(data), width, height }, { features: false });
      const encoded = performance.now();
      const wanted = expected[`${name}.ids`]?.data ?? [];
      const different = ids.filter((id, i) => id !== wanted[i]).length + Math.abs(ids.length - wanted.length);
      const picture = await tokenizer.decode(Int32Array.from(wanted));
      const decoded = performance.now();
      console.log({
        name,
        codebook: tokenizer.info.codebook,
        tokens: ids.length,
        differentIds: different,
        largestByteDifference: largestDifference(picture.data, expected[`${name}.decoded`]?.data ?? []),
        parameters: Object.values(tensors).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
        milliseconds: { load: loaded - start, encode: encoded - loaded, decode: decoded - encoded },
        peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
      });
      if (different > 0) process.exitCode = 1;
    } finally {
      await tokenizer?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    }
  }
}
