import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const url = (relative: string) => JSON.stringify(new URL(`../../../${relative}`, import.meta.url).href);

/** Growth of 300 reads; 0.3 MB lost a read (as with sharp's toUint8Array) would be 90 MB. */
const MAX_GROWTH_BYTES = 30 * 2 ** 20;

it("gives back an image's memory", async () => {
  const program = `
    const { readImage } = await import(${url("sdk/index.ts")});
    const photo = new URL(${url("examples/images/coffee.jpg")});
    const read = async (times) => {
      for (let i = 0; i < times; i++) await readImage(photo);
      gc();
      return process.memoryUsage().rss;
    };
    const before = await read(100);
    console.log((await read(300)) - before);`;
  const flags = ["--expose-gc", "--input-type=module", "--no-warnings"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", program]);
  expect(Number(stdout)).toBeLessThan(MAX_GROWTH_BYTES);
});
