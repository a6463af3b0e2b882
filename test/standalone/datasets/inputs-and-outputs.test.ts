import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import {
  estimateBytes,
  findShards,
  runShards,
  tarFile,
  tarShard,
  tokenizeShard,
} from "../../../adapters/datasets/index.ts";
import { widenF16 } from "../../../sdk/kit.ts";
import { mockTokenizer } from "../../../sdk/testing/index.ts";
import { mockOptions, newFolder, pictures, rowsOf, shardBytes, tarOf } from "./dataset.ts";

describe("inputs", () => {
  it("are parquet files with the bytes of images, as they are or as the hub stores them", async () => {
    const folder = await newFolder();
    const entries = await pictures(4);
    const [first, second] = [entries.slice(0, 2), entries.slice(2)];
    const plain = parquetWriteBuffer({
      columnData: [
        { name: "id", data: ["x", "y", "z"], type: "STRING" },
        { name: "jpg", data: [...first.map(({ bytes }) => bytes), null], type: "BYTE_ARRAY" },
      ],
    });
    await writeFile(join(folder, "plain.parquet"), Buffer.from(plain));
    const hub = parquetWriteBuffer({
      schema: [
        { name: "root", num_children: 1 },
        { name: "image", repetition_type: "OPTIONAL", num_children: 2 },
        { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
        { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      ],
      columnData: [{ name: "image", data: second.map(({ path, bytes }) => ({ bytes, path })) }],
    });
    await writeFile(join(folder, "hub.parquet"), Buffer.from(hub));
    const out = join(folder, "tokens");
    const options = mockOptions();
    await runShards(await findShards(["plain", "hub"].map((name) => join(folder, `${name}.parquet`))), out, options);
    const idsOf = async (bytes: Uint8Array) => [...((await options.encoder.encode(bytes)).ids ?? [])];
    const rows = await rowsOf(join(out, "shards", "plain.parquet"));
    expect(rows.map(({ key, error }) => [key, error])).toEqual([
      ["x", null],
      ["y", null],
      ["z", "NO_BYTES"],
    ]);
    for (const [i, { bytes }] of first.entries()) expect(rows[i]?.ids).toEqual(await idsOf(bytes));
    const others = await rowsOf(join(out, "shards", "hub.parquet"));
    expect(others.map(({ key }) => key)).toEqual(["photos/000002", "photos/000003"]);
    for (const [i, { bytes }] of second.entries()) expect(others[i]?.ids).toEqual(await idsOf(bytes));
  });

  it("are tars from elsewhere: the same bytes as from a file; a body that breaks off is tried again", async () => {
    const folder = await newFolder();
    const path = await tarOf(folder, "far", await pictures(5));
    const bytes = await readFile(path);
    let asked = 0;
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      if (asked++ > 0) response.end(bytes);
      else response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const shard = tarShard({
      name: "far",
      source: "s3://bucket/far.tar",
      fingerprint: async () => "etag",
      async open() {
        const { body } = await fetch(`http://127.0.0.1:${port}/`);
        if (body === null) throw new Error("no body");
        return body;
      },
    });
    const [near, far] = [join(folder, "near"), join(folder, "tokens")];
    await runShards([tarFile(path)], near, mockOptions());
    const summary = await runShards([shard], far, mockOptions());
    server.close();
    expect(summary).toMatchObject({ written: 1, images: 5, errors: 0, failed: [] });
    expect(asked).toBe(2);
    expect(await shardBytes(far, "far")).toEqual(await shardBytes(near, "far"));
  });

  it("are folders, in shards of files sorted by their paths", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "library", "photos"), { recursive: true });
    for (const { path, bytes } of await pictures(7)) await writeFile(join(folder, "library", path), bytes);
    await writeFile(join(folder, "library", "notes.txt"), "no image");
    const shards = await findShards([join(folder, "library")], { shardSize: 3 });
    expect(shards.map(({ name }) => name)).toEqual(["library-00000", "library-00001", "library-00002"]);
    const out = join(folder, "tokens");
    await runShards(shards, out, mockOptions());
    const keys = [];
    for (const { name } of shards) keys.push(...(await rowsOf(join(out, "shards", `${name}.parquet`))));
    expect(keys.map(({ key }) => key)).toEqual((await pictures(7)).map(({ path }) => path));
  });

  it("lose of a folder what is no file: links that lead nowhere, pipes, folders", async () => {
    const folder = join(await newFolder(), "photos");
    await mkdir(join(folder, "folder.jpg"), { recursive: true });
    const [picture] = await pictures(1);
    await writeFile(join(folder, "a.png"), picture?.bytes ?? "");
    await symlink("a.png", join(folder, "link.png"));
    await symlink("nowhere", join(folder, "dangling.jpg"));
    await symlink("loop.jpg", join(folder, "loop.jpg"));
    if (process.platform !== "win32") execFileSync("mkfifo", [join(folder, "pipe.jpg")]);
    const output = join(folder, "../tokens");
    const { failed, errors } = await runShards(await findShards([folder]), output, mockOptions());
    expect(failed).toEqual([]);
    const rows = await rowsOf(join(output, "shards", "photos-00000.parquet"));
    const lost = ["dangling.jpg", "loop.jpg", ...(process.platform === "win32" ? [] : ["pipe.jpg"])];
    expect(rows.filter(({ error }) => error === null).map(({ key }) => key)).toEqual(["a.png", "link.png"]);
    expect(rows.filter(({ error }) => error === "UNREADABLE").map(({ key }) => key)).toEqual(lost);
    expect(errors).toBe(lost.length);
  });

  it("may have the longest names, with every output, and two that begin alike stay two", async () => {
    const folder = await newFolder();
    const tars = await Promise.all(
      ["a", "b"].map(async (end) => tarOf(folder, "x".repeat(250) + end, await pictures(2))),
    );
    const out = join(folder, "tokens");
    const options = { ...mockOptions(), tar: true, npy: true, features: "whole" as const };
    expect((await runShards(await findShards(tars), out, options)).failed).toEqual([]);
    const endings = (await readdir(join(out, "shards"))).map((name) => name.replace(/^x+-[0-9a-f]{8}/, ""));
    for (const ending of [".json", ".parquet", ".ids.tar", ".ids.npy"]) {
      expect(endings.filter((one) => one === ending)).toHaveLength(2);
    }
  });

  it("are refused where two have one name, or where there is nothing", async () => {
    const folder = await newFolder();
    await mkdir(join(folder, "other"));
    const paths = [await tarOf(folder, "a", []), await tarOf(join(folder, "other"), "a", [])];
    await expect(findShards(paths)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("other"),
    });
    await expect(findShards([join(folder, "none.tar")])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("outputs", () => {
  it("hold several codes a token, several views, and features in 16 bits", async () => {
    const folder = await newFolder();
    const tar = await tarOf(folder, "a", await pictures(3));
    const encoder = mockTokenizer({ grid: { rows: 2, columns: 2 }, codebook: { size: 300, codesPerToken: 3 } });
    const options = mockOptions({ encoder, crops: "ten", tar: true, npy: true, features: "whole" });
    const out = join(folder, "tokens");
    const { stats } = await tokenizeShard(tarFile(tar), out, options);
    const rows = await rowsOf(join(out, "shards", "a.parquet"));
    expect(rows.map(({ ids }) => Array.isArray(ids) && ids.length)).toEqual(Array(3).fill(10 * 4 * 3));

    const npy = await shardBytes(out, "a", ".ids.npy");
    expect(npy.toString("latin1")).toContain("{'descr': '<u2', 'fortran_order': False, 'shape': (3, 10, 4, 3), }");
    const ids = new Uint16Array(
      npy.buffer.slice(npy.byteOffset + npy.length - 3 * 120 * 2, npy.byteOffset + npy.length),
    );
    expect([...ids]).toEqual(rows.flatMap((row) => row.ids));
    expect(stats.files.tar?.bytes).toBe((await shardBytes(out, "a", ".ids.tar")).length);
    expect(estimateBytes(1, options)).toBe(10 * (4 * 3 * 2 + 4 * 8 * 2) + 100);
  });

  it("have features that are the encoder's, rounded to 16 bits", async () => {
    const folder = await newFolder();
    const entries = await pictures(3);
    const tar = await tarOf(folder, "a", entries);
    const { encoder, model } = mockOptions();
    for (const features of ["pooled", "whole"] as const) {
      const out = join(folder, features);
      await tokenizeShard(tarFile(tar), out, { encoder, model, ids: false, features });
      const table = await (await import("../../../adapters/benchmarks/index.ts")).openParquetTable(
        join(out, "shards", "a.parquet"),
      );
      expect(table.columns).not.toContain("ids");
      let i = 0;
      for await (const row of table.rows(["features"])) {
        const own = await encoder.encode(entries[i++]?.bytes ?? new Uint8Array());
        const wanted = features === "pooled" ? own.classToken : own.features;
        const bytes = row.features;
        const found = bytes instanceof Uint8Array ? widenF16(new Uint16Array(bytes.slice().buffer)) : bytes;
        expect(Array.isArray(found) || found instanceof Float32Array).toBe(true);
        for (const [j, value] of (wanted ?? []).entries()) {
          expect(Math.abs(Number(Reflect.get(Object(found), j)) - value)).toBeLessThanOrEqual(
            Math.abs(value) * 2 ** -11 + 1e-7,
          );
        }
      }
      expect(i).toBe(3);
    }
  });

  it("hold in their files what a reader needs to give them their shape", async () => {
    const folder = await newFolder();
    const out = join(folder, "tokens");
    const encoder = mockTokenizer({ grid: { rows: 2, columns: 2 } });
    const tar = await tarOf(folder, "a", await pictures(1));
    await tokenizeShard(tarFile(tar), out, mockOptions({ encoder, crops: "flip" }));
    const bytes = await readFile(join(out, "shards", "a.parquet"), "latin1");
    expect(bytes).toContain('"crops":"flip"');
    expect(bytes).toContain('"views":2,"grid":{"rows":2,"columns":2}');
  });
});
