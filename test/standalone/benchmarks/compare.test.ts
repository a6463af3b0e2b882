import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareRuns, runBenchmark } from "../../../adapters/benchmarks/index.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { benchmark, png, writeTree } from "./files.ts";
import { ScriptedModel } from "./scripted-model.ts";

/** Two runs of 20 questions, all answered "yes" by right: "a" says yes to the first 10, "b" to all but two. */
async function twoRuns() {
  const folder = await temporaryFolder();
  const questions = Array.from({ length: 20 }, (_, i) => [`is it <b>${i}</b>?`, "yes", 0]);
  await writeTree(join(folder, "data"), { "questions.json": JSON.stringify(questions), "images/0.png": await png(1) });
  const run = (modelId: string, yes: (number: number) => boolean) => {
    const model = new ScriptedModel((prompt) => (yes(Number(/\d+/.exec(prompt)![0])) ? "yes" : "<i>no</i>"), {
      modelId,
    });
    return runBenchmark(benchmark("easy-vqa"), { model, data: { path: join(folder, "data") }, out: folder });
  };
  const first = await run("a", (number) => number < 10);
  const second = await run("b", (number) => number !== 3 && number !== 15);
  return { folder, first: first.folder, second: second.folder };
}

describe("two runs side by side", () => {
  it("McNemar, a paired bootstrap, and the questions on which they differ", async () => {
    const { folder, first, second } = await twoRuns();
    const page = join(folder, "comparison.html");
    const comparison = await compareRuns(first, second, { page });
    expect(comparison.runs.map(({ model }) => model)).toEqual(["a", "b"]);
    expect(comparison.difference.difference).toBeCloseTo(40, 9);
    expect(comparison.mcNemar).toMatchObject({ onlyFirst: 1, onlySecond: 9 });
    expect(comparison.mcNemar!.p).toBeCloseTo(0.021484375, 9);
    expect(comparison.changed.length).toBe(10);
    const html = await readFile(page, "utf8");
    expect(html).toContain(
      "McNemar&#39;s exact test, two-sided: 1 right in the first run only, 9 in the second only, p = 0.021",
    );
    expect(html).toContain("&lt;i&gt;no&lt;/i&gt;");
    expect(html).not.toContain("<i>no</i>");
  });

  it("are refused where they are not of the same questions, or one is unfinished", async () => {
    const { first, second } = await twoRuns();
    const record = JSON.parse(await readFile(join(second, "run.json"), "utf8"));
    await writeFile(join(second, "run.json"), JSON.stringify({ ...record, data: [] }));
    expect((await failure(compareRuns(first, second))).message).toMatch(
      /two runs of the same questions.*other data files/,
    );
    await writeFile(join(second, "run.json"), JSON.stringify({ ...record, limit: 3 }));
    expect((await failure(compareRuns(first, second))).message).toMatch(/limit null and 3/);
    await writeFile(join(second, "run.json"), "{}");
    expect((await failure(compareRuns(first, second))).code).toBe("INVALID_DATA");
    await rm(join(first, "judgements.jsonl"));
    expect((await failure(compareRuns(first, second))).message).toMatch(/a finished run/);
    expect((await failure(compareRuns(join(first, "none"), second))).message).toMatch(/a results folder/);
  });
});
