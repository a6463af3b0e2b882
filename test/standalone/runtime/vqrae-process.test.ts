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

/** A program that encodes without end and, a given time after its first answer, does something. */
const endless = (then: string) => `
  import { VQRAE } from ${JSON.stringify(sdk)};
  const tokenizer = await VQRAE.load(${JSON.stringify(tinyVqrae)}, { workers: 2 });
  const encode = () => tokenizer.encode(Array(8).fill(${JSON.stringify(photo)}));
  await encode();
  for (let i = 0; i < 4; i++) void (async () => { for (;;) await encode(); })();
  ${then}`;

/** The status of `node -e program`, and what it prints. */
async function statusOf(program: string): Promise<{ code: unknown; stdout: string }> {
  const flags = ["--no-warnings", "--input-type=module", "-e", program];
  return promisify(execFile)(process.execPath, flags, { timeout: 60_000 }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, signal, stdout }) => ({ code: code ?? signal, stdout }),
  );
}

describe("a program that ends while graphs run", () => {
  it.each([0, 3, 20])("by process.exit after %i ms has the status that it gave", async (delay) => {
    const { code } = await statusOf(endless(`setTimeout(() => process.exit(7), ${delay});`));
    expect(code).toBe(7);
  });

  it.each([0, 10])("by an error after %i ms has status 1", async (delay) => {
    const { code } = await statusOf(endless(`setTimeout(() => { throw new Error("a fault of its own"); }, ${delay});`));
    expect(code).toBe(1);
  });

  it.each([0, 15])("in a thread that is terminated after %i ms lives on", async (delay) => {
    const thread = endless(
      `const { parentPort } = await import("node:worker_threads"); parentPort.postMessage("works");`,
    );
    const { code, stdout } = await statusOf(`
      import { Worker } from "node:worker_threads";
      const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(thread)})));
      worker.on("message", () => setTimeout(async () => {
        console.log(await worker.terminate());
        setTimeout(() => console.log("lives"), 200);
      }, ${delay}));`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "1\nlives\n" });
  });
});

it("gives the same ids, features and pixels in a worker thread of yours", async () => {
  const job = `
    import { VQRAE } from ${JSON.stringify(sdk)};
    import { createHash } from "node:crypto";
    import { parentPort } from "node:worker_threads";
    const tokenizer = await VQRAE.load(${JSON.stringify(tinyVqrae)}, { workers: 2, warmup: true });
    const { ids, features } = await tokenizer.encode(${JSON.stringify(photo)});
    const { data } = await tokenizer.decode(ids);
    const vectors = await tokenizer.codebookVectors(ids);
    const hash = createHash("sha256");
    for (const array of [ids, features, data, vectors.data ?? vectors]) hash.update(array);
    await tokenizer.dispose();
    const after = await tokenizer.encode(${JSON.stringify(photo)}).catch((error) => error.code);
    console.log(hash.digest("hex"), after);`;
  const inThread = `
    import { Worker } from "node:worker_threads";
    new Worker(new URL("data:text/javascript," + encodeURIComponent(${JSON.stringify(job)})));`;
  const own = await statusOf(job);
  expect(own.stdout).toMatch(/^[0-9a-f]{64} DISPOSED\n$/);
  expect(await statusOf(inThread)).toEqual(own);
});
