import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import sharp from "sharp";
import { expect, it } from "vitest";
import { tarFile, tokenizeShard } from "../../../adapters/datasets/index.ts";
import { type TarEntry, tarArchive } from "../../helpers/tar-archive.ts";
import { mockOptions, newFolder, pictures, rowsOf } from "./dataset.ts";

async function tokens(bytes: Uint8Array, name = "a.tar", options = {}) {
  const folder = await newFolder();
  await writeFile(join(folder, name), bytes);
  const out = join(folder, "tokens");
  const { stats } = await tokenizeShard(tarFile(join(folder, name)), out, mockOptions(options));
  const rows = await rowsOf(join(out, "shards", `${stats.shard}.parquet`));
  expect(rows.length).toBe(stats.images);
  for (const { ids, error } of rows) expect(ids === null).toBe(error !== null);
  const dead = await readFile(join(out, "dead", `${stats.shard}.jsonl`), "utf8").catch(() => "");
  const lost = dead
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return { stats, errors: rows.map(({ error }) => error), rows, lost };
}

/** A PNG whose header says that it is huge. */
function bomb(side: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", Buffer.alloc(20)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

it("a bad image costs its own row: 0 bytes, no image, a bomb, half a file", async () => {
  const [good, half, last] = await pictures(3);
  if (!good || !half || !last) throw new Error("three pictures");
  const { errors, stats, lost } = await tokens(
    tarArchive([
      good,
      { path: "zero.jpg", bytes: Buffer.alloc(0) },
      { path: "text.png", bytes: Buffer.from("not an image") },
      { path: "bomb.png", bytes: bomb(60_000) },
      { ...half, bytes: half.bytes.subarray(0, 200) },
      last,
    ]),
  );
  expect(errors).toEqual([null, "INVALID_IMAGE", "INVALID_IMAGE", "IMAGE_TOO_LARGE", "INVALID_IMAGE", null]);
  expect(stats).toMatchObject({ errors: 4, errorCounts: { IMAGE_TOO_LARGE: 1, INVALID_IMAGE: 3 }, damaged: false });
  expect(lost.map(({ key }) => key)).toEqual(["zero", "text", "bomb", "photos/000001"]);
});

it("CMYK, animations and 16 bits are images like others", async () => {
  const raw = { width: 8, height: 16, channels: 3 } as const;
  const pixels = Buffer.from(Uint8Array.from({ length: 8 * 16 * 3 }, (_, i) => (i * 37) % 256));
  const frames = { raw: { ...raw, pageHeight: 8 } };
  const entries: TarEntry[] = [
    { path: "cmyk.jpg", bytes: await sharp(pixels, { raw }).toColourspace("cmyk").jpeg().toBuffer() },
    { path: "moving.gif", bytes: await sharp(pixels, frames).gif().toBuffer() },
    { path: "turning.webp", bytes: await sharp(pixels, frames).webp({ lossless: true }).toBuffer() },
    { path: "deep.png", bytes: await sharp(pixels, { raw }).toColourspace("rgb16").png().toBuffer() },
  ];
  expect((await sharp(entries[0]?.bytes).metadata()).space).toBe("cmyk");
  expect((await sharp(entries[1]?.bytes).metadata()).pages).toBe(2);
  const { errors, rows } = await tokens(tarArchive(entries));
  expect(errors).toEqual([null, null, null, null]);
  expect(rows.map(({ height }) => height)).toEqual([16, 8, 8, 16]);
});

it("of two images of one key the first has the ids", async () => {
  const [first, second, third] = await pictures(3);
  if (!first || !second || !third) throw new Error("three pictures");
  const twice = tarArchive([
    first,
    second,
    { path: first.path, bytes: third.bytes },
    { ...third, path: "photos/000001.jpg" },
  ]);
  const { errors, stats } = await tokens(twice, "a.tar", { tar: true, npy: true });
  expect(errors).toEqual([null, null, "DUPLICATE_KEY", "DUPLICATE_KEY"]);
  expect(stats.files.tar?.bytes).toBe(2 * 1024 + 1024);
});

it("an image with more than one dot in its name is a sample's image where there is no other", async () => {
  const [a, b] = await pictures(2);
  if (!a || !b) throw new Error("two pictures");
  const named = (...paths: string[]) => paths.map((path, i) => ({ path, bytes: (i % 2 === 0 ? a : b).bytes }));
  const photos = await tokens(tarArchive(named("2020.05.JPG", "2021.06.jpg", "v1/x.2.png")));
  expect(photos.rows.map(({ key, error }) => [key, error])).toEqual([
    ["2020", null],
    ["2021", null],
    ["v1/x", null],
  ]);
  const masks = await tokens(tarArchive(named("s.depth.png", "s.jpg", "s.seg.png", "t.jpg", "t.seg.png")));
  expect(masks.rows.map(({ key }) => key)).toEqual(["s", "t"]);
  expect(masks.stats).toMatchObject({ errors: 0, otherMembers: 3 });
  const twice = await tokens(tarArchive(named("s.left.png", "s.right.png", "t.json", "s.left.png")));
  expect(twice.errors).toEqual([null, "DUPLICATE_KEY", "DUPLICATE_KEY"]);
  expect(twice.stats.otherMembers).toBe(1);
});

it("a truncated tar loses the image that it ends in", async () => {
  const entries = await pictures(6);
  const whole = tarArchive(entries);
  const { errors, stats } = await tokens(whole.subarray(0, whole.length - 1024 - 700));
  expect(errors).toEqual([null, null, null, null, null, "TRUNCATED"]);
  expect(stats.damaged).toBe(true);
});

it("a tar that ends at any byte never loses a whole image", async () => {
  const entries = await pictures(3);
  const whole = tarArchive(entries);
  const each = (whole.length - 1024) / 3;
  for (let length = 512; length < whole.length; length += 731) {
    const { errors } = await tokens(whole.subarray(0, length));
    const complete = errors.filter((error) => error === null).length;
    // Padding is no part of an image.
    expect(complete).toBeGreaterThanOrEqual(Math.floor(length / each));
    expect(errors.length - complete).toBeLessThanOrEqual(1);
  }
}, 60_000);

it("a damaged header is passed over to the next whole one", async () => {
  const entries = await pictures(4);
  const archive = tarArchive(entries);
  const second = archive.indexOf(Buffer.from("photos/000001.png"));
  archive.fill(0xff, second, second + 400);
  const { rows, stats } = await tokens(archive);
  expect(rows.map(({ key }) => key)).toEqual(["photos/000000", "photos/000002", "photos/000003"]);
  expect(stats.damaged).toBe(true);
});

it("reads a gzipped tar, and keeps what comes before a fault of its compression", async () => {
  const zipped = gzipSync(tarArchive(await pictures(40)));
  expect((await tokens(zipped, "a.tar.gz")).errors).toEqual(Array(40).fill(null));
  const { stats } = await tokens(zipped.subarray(0, zipped.length - 9000), "a.tar.gz");
  expect(stats.damaged).toBe(true);
  expect(stats.images).toBeGreaterThan(20);
});

it("what is no tar at all is a shard without rows, and says so", async () => {
  const { stats } = await tokens(Buffer.from("no archive".repeat(200)));
  expect(stats).toMatchObject({ images: 0, damaged: true });
});
