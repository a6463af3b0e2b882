import { readdirSync, readFileSync } from "node:fs";
import { copyFile, cp } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { VqraeError } from "../../../sdk/index.ts";
import { inFolder, photo, runCli, tinyModel } from "./run-cli.ts";

/** Clears the screen (C0), moves the cursor (C1), rings, deletes; and begins a line of its own. */
const NAME = "a\u001b[2J\u009b3A\u0007\u007f\rb\nc";
const raw = /[^\P{Cc}\n\t]/u;

test("control characters of file names reach no terminal, in results, errors and JSON", {
  timeout: 300_000,
}, async () => {
  await inFolder(async (folder) => {
    const image = join(folder, `${NAME}.jpg`);
    const model = join(folder, NAME);
    await copyFile(photo, image);
    await cp(tinyModel, model, { recursive: true });
    const missing = join(folder, `no${NAME}.jpg`);
    for (const args of [
      ["encode", image, "--model", tinyModel, "--ids"],
      ["encode", image, "--model", tinyModel, "--out", join(folder, `${NAME}.json`)],
      ["encode", image, "--model", tinyModel, "--out", join(folder, `${NAME}.npz`), "--json"],
      ["encode", missing, "--model", tinyModel],
      ["encode", missing, "--model", tinyModel, "--json"],
      ["encode", image, "--model", join(folder, `no${NAME}`)],
      ["encode", image, "--model", model, "--verbose", "--out", join(folder, "x.npz")],
      ["reconstruct", image, join(folder, `${NAME}.png`), "--model", tinyModel],
      ["inspect", model],
      ["inspect", model, "--json"],
      ["inspect", join(folder, `no${NAME}`), `--no${NAME}`],
    ]) {
      const { stdout, stderr } = await runCli(...args);
      expect(stdout + stderr).not.toMatch(raw);
      expect(stdout + stderr).toMatch(/x1b|u001b/);
      if (args.includes("--json")) expect(JSON.stringify(JSON.parse(stdout))).toContain("\u009b3A");
    }
  });
});

test("an error's message has none, however it is made", () => {
  const error = new VqraeError("INVALID_IMAGE", `${NAME}: broken`, { path: NAME });
  for (const one of [error, error.withIndex(1), error.at(2, `images\u001b`)]) expect(one.message).not.toMatch(raw);
  expect(error.path).toBe(NAME);
});

test("only cli/shared/terminal.ts and progress.ts write to a terminal what is not the program's own", () => {
  const root = join(import.meta.dirname, "../../../cli");
  const writers = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .filter((name) => /process\.std(out|err)\.write|console\./.test(readFileSync(join(root, name), "utf8")));
  // run.ts prints help and version alone.
  expect(writers.map((name) => name.replaceAll("\\", "/")).sort()).toEqual([
    "run.ts",
    "shared/progress.ts",
    "shared/terminal.ts",
  ]);
});
