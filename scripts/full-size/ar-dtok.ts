/**
 * AR-DTok at its published size (30 blocks, 1280 wide, after 729 tokens of TA-Tok) with seeded weights:
 *
 *   node scripts/full-size/ar-dtok.ts [256|512|1024] [ids to draw, default 8]
 *
 * Prints how many parameters it has, the bytes of its weights and of its cache, and the time and memory of the tokens before the first id
 * and of each id. Takes 3 GB of disk and 6 GB of memory.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildArDtok } from "../../sdk/families/ta-tok/ar-dtok/forward.ts";
import { resolveArDtok } from "../../sdk/families/ta-tok/ar-dtok/tensors.ts";
import { beginDrawing, draw } from "../../sdk/runtime/sessions/drawing.ts";
import { importOnnxRuntime, Sessions } from "../../sdk/runtime/sessions/sessions.ts";
import { openWeights } from "../../sdk/weights/open-tensors.ts";
import { tensorLookup } from "../../sdk/weights/tensor-lookup.ts";
import { writeWeights } from "../../test/golden/tokenizers/weights.ts";

const [width, hidden, blocks, codes, conditions, conditionDim] = [1280, 3584, 30, 16384, 729, 1152];
const [pixels = "256", drawn = "8", target] = process.argv.slice(2);
const side = Number(pixels) / 16;
const count = Number(drawn);
const steps = side * side;

const shapes: Record<string, readonly number[]> = {
  "clip_proj.weight": [width, conditionDim],
  "clip_proj.bias": [width],
  "tok_embeddings.weight": [codes, width],
  abs_pe: [1, steps + conditions - 1, width],
  "norm.weight": [width],
  "output.weight": [codes, width],
};
for (let i = 0; i < blocks; i++) {
  const of = `layers.${i}.`;
  shapes[`${of}attention.wqkv.weight`] = [3 * width, width];
  shapes[`${of}attention.wo.weight`] = [width, width];
  shapes[`${of}feed_forward.w1.weight`] = [hidden, width];
  shapes[`${of}feed_forward.w3.weight`] = [hidden, width];
  shapes[`${of}feed_forward.w2.weight`] = [width, hidden];
  shapes[`${of}attention_norm.weight`] = [width];
  shapes[`${of}ffn_norm.weight`] = [width];
}

if (target !== undefined) {
  await writeWeights(target, shapes);
  process.exit();
}

const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
const parameters = Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
const folder = await mkdtemp(join(tmpdir(), "full-size-"));
try {
  const file = join(folder, "ar_dtok.safetensors");
  // In another process, whose memory is not this one's.
  await promisify(execFile)(process.execPath, [import.meta.filename, pixels, drawn, file]);
  const spec = resolveArDtok(tensorLookup(await openWeights(file), file), conditionDim, file);
  const graph = buildArDtok(spec, {});
  const setup = { graphs: { drawer: graph }, device: "cpu", threads: 2, precision: "fp32", prepack: true } as const;
  const sessions = new Sessions(await importOnnxRuntime(), setup);
  const sampling = { guidanceScale: 4, temperature: 1, topK: 0, topP: 1 };
  const sizes = { blocks, heads: spec.heads, headDim: width / spec.heads, codes, conditionDim };
  const drawing = { ...sampling, ...sizes, conditions, steps };
  const features = Float32Array.from({ length: conditions * conditionDim }, (_, i) => Math.sin(i));
  const start = performance.now();
  await sessions.open("drawer");
  const opened = performance.now();
  const ticket = await beginDrawing(sessions, { drawing }, { ...sampling, features, seed: 1 });
  const begun = performance.now();
  const first = await draw({ ticket, count });
  const middle = performance.now();
  const second = await draw({ ticket, count });
  console.log({
    parameters,
    weightMegabytes: megabytes(4 * parameters),
    cacheMegabytes: megabytes(2 * 2 * 4 * blocks * width * (conditions + steps - 1)),
    milliseconds: {
      open: opened - start,
      condition: begun - opened,
      id: (middle - begun) / count,
      again: (performance.now() - middle) / count,
    },
    different: new Set([...first, ...second]).size,
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  });
} finally {
  await rm(folder, { recursive: true });
}
