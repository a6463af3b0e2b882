import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readGguf } from "../../../adapters/gguf/index.ts";
import { readImage, VQRAE } from "../../../sdk/index.ts";
import { startLlamaServer } from "../../helpers/llama-server/start.ts";
import { type TinyGenerator, tinyGeneratorFolder } from "../../helpers/tiny-generator.ts";
import { inFolder, photo, runCli, tinyModel } from "./run-cli.ts";

/** For several processes that each load a model, on a busy machine. */
const MINUTES = 300_000;

const folder = tinyGeneratorFolder();
let tiny: TinyGenerator;
let model: string[];
beforeAll(async () => {
  tiny = await folder.write("tiny.gguf");
  model = ["--llm", tiny.llm, "--model", tiny.tokenizer, "--gpu", "off"];
});
afterAll(() => folder.remove());

const pixels = async (path: string) => (await readImage(path)).data;

test("a picture is what its ids decode to; its seed makes it again", { timeout: MINUTES }, () =>
  inFolder(async (at) => {
    const out = join(at, "out.png");
    const { code, stdout, stderr } = await runCli(
      "generate",
      "hello",
      "-o",
      out,
      "--guidance",
      "3",
      ...model,
      "--json",
    );
    expect([code, stderr]).toEqual([0, ""]);
    const { prompt, images } = JSON.parse(stdout);
    expect({ prompt, count: images.length, out: images[0].out }).toEqual({ prompt: "hello", count: 1, out });
    const tokenizer = await VQRAE.load(tiny.tokenizer);
    expect([...(await pixels(out))]).toEqual([...(await tokenizer.decode(images[0].ids)).data]);
    await tokenizer.dispose();

    const again = join(at, "again.png");
    const seed = ["--seed", String(images[0].seed)];
    const second = await runCli("generate", "hello", "--out", again, "--guidance", "3", ...seed, ...model);
    expect(second).toEqual({ code: 0, stdout: `${again}: 16 x 16 pixels, seed ${images[0].seed}\n`, stderr: "" });
    expect(await pixels(again)).toEqual(await pixels(out));
  }),
);

test("--count writes files, --grid the same pictures in one", { timeout: MINUTES }, () =>
  inFolder(async (at) => {
    const [out, grid] = [join(at, "out.png"), join(at, "grid.png")];
    const seeded = ["--seed", "5", ...model];
    const [counted, gridded] = await Promise.all([
      runCli("generate", "hello", "-o", out, "--count", "3", ...seeded),
      runCli("generate", "hello", "-o", grid, "--grid", "2x2", ...seeded),
    ]);
    expect(counted.stdout.split("\n")).toHaveLength(4);
    expect(gridded.stdout).toBe(`${grid}: 2 x 2 pictures of 16 x 16 pixels, seeds from 5 on\n`);
    const { data, width, height } = await readImage(grid);
    expect([width, height]).toEqual([32, 32]);
    const third = await pixels(join(at, "out-3.png"));
    for (let y = 0; y < 16; y++) {
      const row = data.subarray((16 + y) * 32 * 3, (16 + y) * 32 * 3 + 16 * 3);
      expect([...row]).toEqual([...third.subarray(y * 16 * 3, (y + 1) * 16 * 3)]);
    }
  }),
);

test("--continue keeps rows of an image, --previews writes what is there", () =>
  inFolder(async (at) => {
    const continued = ["--continue", photo, "--rows", "2", "--previews", at];
    const { code, stdout } = await runCli("generate", "x", "-o", join(at, "out.png"), ...continued, ...model, "--json");
    expect(code).toBe(0);
    const tokenizer = await VQRAE.load(tinyModel);
    const { ids } = await tokenizer.encode(photo);
    await tokenizer.dispose();
    expect(JSON.parse(stdout).images[0].ids.slice(0, 8)).toEqual([...ids!.subarray(0, 8)]);
    expect((await readdir(at)).sort()).toEqual(["out.png", "preview-1-rows-03.png"]);
  }));

test("--server draws the same greedy picture, without guidance", { timeout: MINUTES }, () =>
  inFolder(async (at) => {
    const server = await startLlamaServer(tiny.llm);
    const [here, there] = [join(at, "here.png"), join(at, "there.png")];
    const greedy = ["--temperature", "0", "--guidance", "1", ...model];
    await runCli("generate", "hello", "-o", here, ...greedy);
    const { code } = await runCli("generate", "hello", "-o", there, ...greedy, "--server", server.url);
    expect(code).toBe(0);
    expect(await pixels(there)).toEqual(await pixels(here));
    const guided = await runCli("generate", "x", "-o", there, "--guidance", "2", ...model, "--server", server.url);
    expect(guided).toMatchObject({ code: 1, stderr: expect.stringContaining("guidanceScale: 1") });
    await server[Symbol.asyncDispose]();
  }),
);

describe("a user's error is one line", () => {
  test.each([
    [[], "Expected <prompt>"],
    [["x", "-o", "out.jpg"], "a name ending in .png"],
    [["x", "--grid", "3"], '"3x3"'],
    [["x", "--grid", "2x2", "--count", "2"], "--grid or --count"],
    [["x", "--rows", "3"], "--continue and --rows together"],
    [["x", "--seed", "one"], "--seed"],
    [["x", "--model", tinyModel], "--llm"],
    [["x", "--previews", "nowhere"], "nowhere"],
    [["x", "--llm", "nowhere.gguf"], "nowhere.gguf"],
    [["x", "--gpu", "tpu", "--llm", "x.gguf"], "--gpu"],
  ])("vqrae generate %j", async (args, message) => {
    const { code, stdout, stderr } = await runCli("generate", ...args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  test("an option that the generator refuses", async () => {
    const { code, stderr } = await runCli("generate", "x", "--preset", "dalle", ...model);
    expect([code, stderr]).toEqual([1, expect.stringContaining("llamagen")]);
  });
});

describe("vqrae expand-vocabulary", () => {
  test("makes a GGUF file that vqrae generate takes", { timeout: MINUTES }, () =>
    inFolder(async (at) => {
      const target = join(at, "expanded.gguf");
      const sampling = ["--guidance", "2", "--top-k", "9"];
      const expand = ["expand-vocabulary", `${tiny.llm}.plain`, target, "--model", tinyModel, "--rows", "codebook"];
      const { code, stdout } = await runCli(...expand, ...sampling, "--json");
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ codebookSize: 64, sampling: { guidanceScale: 2, topK: 9 } });
      expect((await readGguf(target)).metadata.get("vqrae.visual.tokenizer")?.value).toBe("vqrae-two-layers");
      const out = join(at, "out.png");
      expect(await runCli("generate", "hello", "-o", out, "--llm", target, "--model", tinyModel)).toMatchObject({
        code: 0,
      });
      expect((await readFile(out)).length).toBeGreaterThan(0);
    }),
  );

  test("refuses rows that it does not know", async () => {
    const { code, stderr } = await runCli("expand-vocabulary", "a.gguf", "b.gguf", "--rows", "zero");
    expect([code, stderr]).toEqual([1, expect.stringContaining("mean, codebook")]);
  });
});
