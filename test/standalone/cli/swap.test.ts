import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { readGguf } from "../../../adapters/gguf/index.ts";
import { encoder, mmproj, vlm } from "../vit-swap/fixtures.ts";
import { inFolder, runCli } from "./run-cli.ts";

test("builds an mmproj", () =>
  inFolder(async (folder) => {
    const out = join(folder, "built.gguf");
    const built = await runCli("swap", vlm("internvl"), "--model", vlm("internvl"), "--out", out, "--float", "f32");
    expect(built).toEqual({ code: 0, stderr: "", stdout: expect.stringContaining("projector type internvl") });
    expect((await readGguf(out)).tensors.get("v.blk.0.attn_q.weight")!.type).toBe("F32");
  }));

test("--check says what differs, and writes nothing", async () => {
  const model = await mmproj(vlm("internvl"));
  const before = await readdir(dirname(model));
  const fits = await runCli("swap", model, "--model", encoder("internvl"), "--check");
  expect(fits).toEqual({ code: 0, stderr: "", stdout: expect.stringMatching(/ {2}fits\n$/) });
  const differs = await runCli("swap", model, "--model", encoder("gemma3"), "--check");
  expect(differs).toEqual({
    code: 1,
    stderr: "",
    stdout: expect.stringMatching(/ {2}does not fit: \d+ differences\n$/),
  });
  expect(differs.stdout).toContain("class token: yes in the model, no in the encoder (refused)");
  expect(await readdir(dirname(model))).toEqual(before);
});

test("--check of an F16 mmproj and an F32 encoder says with which --float it fits", async () => {
  const model = await mmproj(vlm("internvl"), vlm("internvl"), { float: "F16" });
  const check = ["swap", model, "--model", encoder("internvl"), "--check"];
  expect(await runCli(...check)).toEqual({
    code: 1,
    stderr: "",
    stdout: expect.stringMatching(/ {2}fits with --float f16\n$/),
  });
  expect(await runCli(...check, "--float", "f16")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/ {2}fits\n$/),
  });
});

test("a block from the end, and names that it knows", async () => {
  const model = await mmproj(vlm("internvl"));
  const given = (...more: string[]) => runCli("swap", model, "--model", encoder("internvl"), "--check", ...more);
  expect((await given("--layer", "-2")).stdout).toContain("features of block 2");
  expect((await given("--allow", "depth,colour")).stderr).toMatch(/one of width, .* for --allow .* "colour"/);
  expect((await given("--type", "gemma4")).stderr).toMatch(/one of mlp, .* for --type .* "gemma4"/);
});

test("puts another tower into an mmproj, and asks where to", async () => {
  const model = await mmproj(vlm("internvl"));
  const out = join(dirname(model), "out.gguf");
  const json = await runCli("swap", model, "--model", encoder("internvl"), "--out", out, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({ kind: "mmproj", out, layers: [3], mismatches: [] });
  expect((await readGguf(out)).tensors.size).toBe((await readGguf(model)).tensors.size);
  const wrong = await runCli("swap", model, "--model", encoder("internvl"));
  expect(wrong).toEqual({ code: 1, stdout: "", stderr: expect.stringContaining("--out <path>") });
});
