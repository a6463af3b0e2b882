/**
 * What the SDK makes of a checkpoint and an image, for test_checkpoint.py to compare with PyTorch:
 *
 *   node handshake.ts CHECKPOINT SIDE PIXELS OUT
 *
 * PIXELS holds SIDE * SIDE * 3 bytes, RGB. Writes features.f32, ids.i32 and pixels.u8 into OUT and prints the grid as JSON.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VQRAE } from "../../sdk/index.ts";

const [folder, side, file, out] = process.argv.slice(2) as [string, string, string, string];
const image = { data: await readFile(file), width: Number(side), height: Number(side) };
const tokenizer = await VQRAE.load(folder, { device: "cpu", workers: 1 });
const { grid, features, ids } = await tokenizer.encode(image);
const decoded = await tokenizer.decode(ids!);
await tokenizer.dispose();
for (const [name, array] of [
  ["features.f32", features!],
  ["ids.i32", ids!],
  ["pixels.u8", decoded.data],
] as const) {
  await writeFile(join(out, name), new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
}
console.log(JSON.stringify({ grid, width: decoded.width, height: decoded.height }));
