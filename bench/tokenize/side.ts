/** One side of bench/tokenize.ts: `side.ts encoder|shard TAR MODEL WORKERS IMAGES`. Prints { images, seconds }. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelHash, type ShardInput, tarFile, tokenizeShard } from "../../adapters/datasets/index.ts";
import { VQRAE } from "../../sdk/index.ts";

const [work, path = "", model = "", workers = "1", images = "0"] = process.argv.slice(2);
const most = Number(images);
const BATCH = 32;

const encoder = await VQRAE.load(model, { workers: Number(workers), threads: 1 });
const whole = await tarFile(path);
/** The first images of the tar, `from` on. */
const part = (name: string, from: number, to: number): ShardInput => ({
  ...whole,
  name,
  async *members(survey) {
    let index = 0;
    for await (const member of whole.members(survey)) {
      if (index >= from && index < to) yield member;
      if (++index >= to) return;
    }
  },
});

const folder = await mkdtemp(join(tmpdir(), "vqrae-bench-"));
try {
  const options = { encoder, model: await modelHash(model), batchSize: BATCH };
  await tokenizeShard(part("warm-up", 0, BATCH), folder, options);
  let seconds = 0;
  if (work === "shard") {
    const input = part("timed", 0, most);
    const started = performance.now();
    await tokenizeShard(input, folder, options);
    seconds = (performance.now() - started) / 1000;
  } else {
    const files: Uint8Array[] = [];
    for await (const { content } of part("memory", 0, most).members({ otherMembers: 0, damaged: false })) {
      if (typeof content !== "string") files.push(content);
    }
    const started = performance.now();
    let next = 0;
    const lane = async () => {
      while (next < files.length)
        await encoder.encode(files.slice(next, (next += BATCH)), { ids: true, features: false });
    };
    await Promise.all(Array.from({ length: 3 }, lane));
    seconds = (performance.now() - started) / 1000;
  }
  console.log(JSON.stringify({ images: most, seconds }));
} finally {
  await encoder.dispose();
  await rm(folder, { recursive: true });
}
