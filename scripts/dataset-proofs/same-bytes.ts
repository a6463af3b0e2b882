/**
 * One data set by workers of several numbers, batches of several sizes and shards in another order, with the real model, and whether
 * the files have the same bytes.
 *
 *     node scripts/dataset-proofs/same-bytes.ts photos.tar 240 [--model models/vqrae-tiny]
 *
 * docs/tokenise-a-dataset.md has what it printed.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findShards, modelHash, runShards } from "../../adapters/datasets/index.ts";
import { tarPhotos } from "../../bench/lib/tar-photos.ts";
import { VQRAE } from "../../sdk/index.ts";
import { type TarEntry, tarArchive } from "../../test/helpers/tar-archive.ts";
import { environment } from "../lib/environment.ts";

const { values, positionals } = parseArgs({
  options: { model: { type: "string", default: fileURLToPath(new URL("../../models/vqrae-tiny", import.meta.url)) } },
  allowPositionals: true,
});
const [photos, wanted = "240"] = positionals;
if (photos === undefined) throw new Error("Expected a tar of photos.");
const images = Number(wanted);
const SHARDS = 6;

const entries: TarEntry[] = (await tarPhotos(photos, images)).map(({ key, bytes }) => ({ path: `${key}.jpg`, bytes }));
const folder = await mkdtemp(join(tmpdir(), "vqrae-same-bytes-"));
try {
  const size = Math.ceil(entries.length / SHARDS);
  const paths = Array.from({ length: SHARDS }, (_, i) => join(folder, `shard-${i}.tar`));
  for (const [i, path] of paths.entries()) await writeFile(path, tarArchive(entries.slice(i * size, (i + 1) * size)));
  const model = await modelHash(values.model);
  const runs = [
    { workers: 1, batchSize: 1, shardsAtOnce: 1, order: paths },
    { workers: 1, batchSize: 32, shardsAtOnce: 2, order: paths },
    { workers: 2, batchSize: 32, shardsAtOnce: 2, order: paths.toReversed() },
    { workers: 8, batchSize: 1, shardsAtOnce: 6, order: [...paths.slice(3), ...paths.slice(0, 3)] },
    { workers: 8, batchSize: 32, shardsAtOnce: 4, order: [4, 1, 5, 0, 3, 2].map((i) => paths[i] ?? "") },
  ];
  let first: Buffer[] = [];
  console.log(
    `${await environment("onnxruntime-node", "hyparquet-writer")}; ${entries.length} images in ${SHARDS} shards\n`,
  );
  console.log(
    "| workers | batch | shards at once | order | files equal to the first run's |\n| --- | --- | --- | --- | --- |",
  );
  for (const [i, { order, workers, ...options }] of runs.entries()) {
    const output = join(folder, `tokens-${i}`);
    const encoder = await VQRAE.load(values.model, { workers, threads: 1 });
    await runShards(await findShards(order), output, { encoder, model, ...options, tar: true, npy: true });
    await encoder.dispose();
    const endings = [".parquet", ".ids.tar", ".ids.npy"];
    const files = endings.flatMap((ending) => paths.map((_, n) => join(output, "shards", `shard-${n}${ending}`)));
    const bytes = await Promise.all(files.map((path) => readFile(path)));
    if (i === 0) first = bytes;
    const equal = bytes.filter((own, n) => first[n]?.equals(own)).length;
    const shards = order.map((path) => path.at(-5)).join(" ");
    console.log(
      `| ${workers} | ${options.batchSize} | ${options.shardsAtOnce} | ${shards} | ${equal} of ${files.length} |`,
    );
    if (equal !== files.length) process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true });
}
