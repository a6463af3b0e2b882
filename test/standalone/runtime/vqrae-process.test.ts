import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { tinyVqrae } from "./fixtures/tiny.ts";

const sdk = new URL("../../../sdk/index.ts", import.meta.url).href;
const photo = fileURLToPath(new URL("../../golden/image/photo.jpg", import.meta.url));

describe("a program that never disposes", () => {
  // The worker threads must start without the program's own flags, and must not keep it alive or crash it at its end.
  it.each([[["--input-type=module"]], [[]]])(
    "runs with flags %j and ends by itself with exit code 0",
    async (flags) => {
      const program = `
      import(${JSON.stringify(sdk)}).then(async ({ VQRAE }) => {
        const tokenizer = await VQRAE.load(${JSON.stringify(tinyVqrae)}, { workers: 2 });
        const { ids } = await tokenizer.encode(${JSON.stringify(photo)});
        const { width } = await tokenizer.decode(ids);
        console.log(ids.length, width === tokenizer.info.outputSize.width);
      });`;
      const { stdout } = await promisify(execFile)(process.execPath, [...flags, "-e", program], { timeout: 30_000 });
      expect(stdout.trim()).toBe("16 true");
    },
  );
});
