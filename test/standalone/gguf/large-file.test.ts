import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeHeader } from "../../../adapters/gguf/encode-header.ts";
import { readGguf, readGgufTensor } from "../../../adapters/gguf/index.ts";
import { type GgufTensorLayout, layOut } from "../../../adapters/gguf/lay-out.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

test("a tensor beyond 4 GiB is placed and read where it is", async () => {
  const layout: GgufTensorLayout[] = [
    { name: "large", type: "F32", shape: [1_100_000, 1000] },
    { name: "q8", type: "Q8_0", shape: [200_000, 4096] },
    { name: "last", type: "F32", shape: [3] },
  ];
  const places = [...layOut(layout, 32).values()];
  const header = encodeHeader(new Map(), places, 32);
  const begin = header.length + places[2]!.begin;
  expect(places[2]!.begin).toBe(4_400_000_000 + (200_000 * 4096 * 34) / 32);
  const path = join(await temporaryFolder(), "sparse.gguf");
  const file = await open(path, "w"); // what is not written takes no room on the disk
  await file.write(header);
  await file.write(new Uint8Array(Float32Array.of(1, 2, 3).buffer), 0, 12, begin);
  await file.close();
  const gguf = await readGguf(path);
  expect(gguf.tensors.get("last")).toMatchObject({ offset: begin, length: 12 });
  expect(await readGgufTensor(gguf, "last")).toEqual(Float32Array.of(1, 2, 3));
});
