/** One side of bench/tokenize.ts: `side.ts encoder|shard TAR MODEL WORKERS IMAGES`. Prints { images, seconds }. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelHash, type ShardInput, tarFile, tokenizeShard } from "../../adapters/datasets/index.ts";
import { VQRAE } from "../../sdk/index.ts";
import { tarPhotos } from "../lib/tar-photos.ts";

const [work, path = "", model = "", workers = "1", images = "0"] = process.argv.slice(2);
const most = Number(images);
const BATCH = 32;

const encoder = await VQRAE.load(model, { workers: Number(workers), threads: 1 });
const whole = tarFile(path);
/** The first images of the tar. */
const part = (name: string, count: number): ShardInput => ({
  ...whole,
  name,
  async *members(survey) {
    let index = 0;
    for await (const member of whole.members(survey)) {
      yield member;
      if (++index >= count) return;
    }
  },
});

const folder = await mkdtemp(join(tmpdir(), "vqrae-bench-"));
try {
  const options = { encoder, model: await modelHash(model), batchSize: BATCH };
  await tokenizeShard(part("warm-up", BATCH), folder, options);
  let seconds = 0;
  if (work === "shard") {
    const input = part("timed", most);
    const started = performance.now();
    await tokenizeShard(input, folder, options);
    seconds = (performance.now() - started) / 1000;
  } else {
    const files = (await tarPhotos(path, most)).map(({ bytes }) => bytes);
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
