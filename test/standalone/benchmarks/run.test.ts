import { execFile } from "node:child_process";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type RunProgress, runBenchmark, type Scores } from "../../../adapters/benchmarks/index.ts";
import { expected } from "../../../sdk/errors.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { benchmark, lines, png, writeTree } from "./files.ts";
import { ScriptedModel } from "./scripted-model.ts";

const COUNT = 12;

/** Questions 0 to 11; the answer is "yes" for even ones. */
async function easyFolder(folder: string): Promise<string> {
  const questions = Array.from({ length: COUNT }, (_, i) => [`question ${i}`, i % 2 === 0 ? "yes" : "no", i % 3]);
  const images = await Promise.all([0, 1, 2].map(async (i) => [`images/${i}.png`, await png(i)] as const));
  return writeTree(join(folder, "easy"), {
    "questions.json": JSON.stringify(questions),
    ...Object.fromEntries(images),
  });
}

const rightBelow = (limit: number) => (prompt: string) => {
  const number = Number(prompt.split(" ")[1]);
  return (number % 2 === 0) === number < limit ? "yes" : "No.";
};

async function set() {
  const folder = await temporaryFolder();
  const data = { path: await easyFolder(folder) };
  return { folder, data, out: join(folder, "results") };
}

describe("a run", () => {
  it("asks everything once, scores it and leaves a results folder", async () => {
    const { data, out } = await set();
    const model = new ScriptedModel(rightBelow(8), { delayMs: 5 });
    const progress: RunProgress[] = [];
    const { folder, scores } = await runBenchmark(benchmark("easy-vqa"), {
      model,
      data,
      out,
      concurrency: 3,
      onProgress: (state) => progress.push(state),
    });
    expect(model.asked.length).toBe(COUNT);
    expect(model.busiest).toBe(3);
    expect(model.images.length).toBe(COUNT);
    expect(progress.filter(({ phase }) => phase === "asking").map(({ done }) => done)).toEqual(
      Array.from({ length: COUNT }, (_, i) => i + 1),
    );
    const kept: Scores = JSON.parse(await readFile(join(folder, "scores.json"), "utf8"));
    expect(kept).toEqual(scores);
    const { value, low, high } = scores.scores.accuracy!;
    expect(value).toBeCloseTo((100 * 8) / 12, 9);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    expect(scores.data.map(({ name, sha256 }) => [name, sha256.length])).toEqual([["questions.json", 64]]);
    expect(scores.protocol.source).toContain("easy-VQA");
    const page = await readFile(join(folder, "report.html"), "utf8");
    expect(page).toContain("4 answers are not wholly right");
    expect(page.match(/<img src="data:image\/png;base64,/g)?.length).toBe(4);
    expect(page).not.toMatch(/(?:src|href)="(?!data:)/);
  });

  it("goes on after it was killed, and asks nothing twice", async () => {
    const { folder, data, out } = await set();
    const log = join(folder, "asked.log");
    const script = fileURLToPath(new URL("killed-run.ts", import.meta.url));
    const killed = await new Promise<NodeJS.Signals | null>((done) => {
      const child = execFile(process.execPath, [script, data.path, out, log], { killSignal: "SIGKILL" }, () => {});
      child.on("exit", (_, signal) => done(signal));
    });
    expect(killed).toBe("SIGKILL");
    const before = (await readFile(log, "utf8")).trim().split("\n");
    expect(before.length).toBe(5);
    const model = new ScriptedModel(() => "yes");
    const { scores } = await runBenchmark(benchmark("easy-vqa"), { model, data, out });
    // The fifth was asked when the process died: its answer was not on the disk.
    expect(model.asked.length).toBe(COUNT - 4);
    expect(new Set([...before.slice(0, 4), ...model.asked]).size).toBe(COUNT);
    expect(scores.scores.accuracy!.value).toBeCloseTo(50, 9);
    const again = new ScriptedModel(() => "no");
    const second = await runBenchmark(benchmark("easy-vqa"), { model: again, data, out });
    expect(again.asked).toEqual([]);
    expect(second.scores.scores).toEqual(scores.scores);
  });

  it("cuts off a line that was half written, and asks its question again", async () => {
    const { data, out } = await set();
    const first = new ScriptedModel(() => "yes");
    const { folder } = await runBenchmark(benchmark("easy-vqa"), { model: first, data, out });
    const file = join(folder, "predictions.jsonl");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.slice(0, -20));
    const second = new ScriptedModel(() => "yes");
    await runBenchmark(benchmark("easy-vqa"), { model: second, data, out });
    expect(second.asked).toEqual([first.asked.at(-1)]);
    expect(await readFile(file, "utf8")).toBe(text);
  });

  it("stops at an abort and keeps what was answered", async () => {
    const { data, out } = await set();
    const controller = new AbortController();
    const model = new ScriptedModel((prompt) => {
      if (prompt.endsWith(" 3")) controller.abort(new Error("enough"));
      return "yes";
    });
    await expect(runBenchmark(benchmark("easy-vqa"), { model, data, out, signal: controller.signal })).rejects.toThrow(
      "enough",
    );
    const rest = new ScriptedModel(() => "yes");
    await runBenchmark(benchmark("easy-vqa"), { model: rest, data, out });
    expect(rest.asked.length).toBe(COUNT - 4);
  });

  it("keeps groups whole when only the first questions are asked", async () => {
    const folder = await temporaryFolder();
    const rows = ["1-0", "1-1", "2-0"].map((identifier) => ({
      sentence: identifier,
      label: "true",
      identifier,
      directory: "1",
    }));
    const images = rows.flatMap(({ identifier }) =>
      [0, 1, 2, 3, 4, 5].map((i) => `images/1/dev-${identifier}-${i}.png`),
    );
    const picture = await png(1);
    await writeTree(folder, {
      "dev.json": lines(...rows),
      ...Object.fromEntries(images.map((name) => [name, picture])),
    });
    const run = async (limit: number) => {
      const model = new ScriptedModel((prompt) => (prompt.startsWith("1-0") ? "Yes, it is true." : "no"));
      const out = join(folder, `${limit}`);
      const { scores } = await runBenchmark(benchmark("nlvr"), { model, data: { path: folder }, out, limit });
      return [model.asked.length, scores.scores["all six orders right"]!.value];
    };
    // Questions are counted, not sentences of six.
    expect(await run(2)).toEqual([6, 100]);
    expect(await run(6)).toEqual([6, 100]);
    expect(await run(7)).toEqual([12, 50]);
  });
});

describe("what goes wrong in a run", () => {
  it("an image that cannot be read is counted, listed and not asked", async () => {
    const { data, out } = await set();
    await writeFile(join(data.path, "images/1.png"), "no image");
    const model = new ScriptedModel(rightBelow(COUNT));
    const { folder, scores } = await runBenchmark(benchmark("easy-vqa"), { model, data, out });
    expect(model.asked.length).toBe(8);
    expect(scores.undecodable.map(({ id }) => id)).toEqual(["1", "4", "7", "10"]);
    expect(scores.undecodable[0]!.at).toContain("images/1.png");
    expect(scores.undecodable[0]!.reason).toMatch(/image/);
    expect(scores.scores.accuracy!.value).toBeCloseTo((100 * 8) / 12, 9);
    expect(await readFile(join(folder, "report.html"), "utf8")).toContain("Images that could not be read");
  });

  it("no score is given where not one question was answered", async () => {
    const { data, out } = await set();
    const model = new ScriptedModel(() => "yes");
    const failing = new ScriptedModel(() => {
      throw expected("SERVER_ERROR", "an answer", "the test", "none");
    });
    const run = (model: ScriptedModel, path: string) =>
      failure(
        runBenchmark(benchmark("easy-vqa"), { model, data: { ...data, images: path }, out, onModelError: "count" }),
      );
    expect(await run(model, join(data.path, "nowhere"))).toMatchObject({
      code: "INVALID_DATA",
      message: expect.stringMatching(/none of 12: 12 with images that cannot be read.*nowhere.*--images/),
    });
    expect((await run(failing, join(data.path, "images"))).message).toMatch(/12 on which the model failed/);
  });

  it("the model's error stops the run, or is counted and asked again", async () => {
    const { data, out } = await set();
    const model = new ScriptedModel((prompt) => {
      if (prompt.endsWith(" 2")) throw expected("SERVER_ERROR", "an answer", "the test", "none");
      return "yes";
    });
    const stopped = await failure(runBenchmark(benchmark("easy-vqa"), { model, data, out }));
    expect(stopped.code).toBe("SERVER_ERROR");
    const { scores } = await runBenchmark(benchmark("easy-vqa"), { model, data, out, onModelError: "count" });
    expect(scores.failed.map(({ id }) => id)).toEqual(["2"]);
    const healed = new ScriptedModel(() => "yes");
    const last = await runBenchmark(benchmark("easy-vqa"), { model: healed, data, out });
    expect(healed.asked).toEqual(["question 2"]);
    expect(last.scores.failed).toEqual([]);
  });

  it.each([
    ["{", /predictions\.jsonl, line 13/],
    ['{"id":"1","answer":5,"finishReason":"stop","promptTokens":null,"answerTokens":null}', /line 13.*answer/],
    [
      '{"id":"1","answer":"a","finishReason":"stop","promptTokens":null,"answerTokens":null}',
      /line 13.*second one for 1/,
    ],
    ['{"id":"99","answer":"a","finishReason":"stop","promptTokens":null,"answerTokens":null}', /line 13.*"99"/],
  ])("a results file with the line %s", async (line, message) => {
    const { data, out } = await set();
    const model = new ScriptedModel(() => "yes");
    const { folder } = await runBenchmark(benchmark("easy-vqa"), { model, data, out });
    await appendFile(join(folder, "predictions.jsonl"), `${line}\n`);
    const error = await failure(runBenchmark(benchmark("easy-vqa"), { model, data, out }));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.message).toMatch(message);
  });

  it("a results folder of other data, or of another limit", async () => {
    const { data, out } = await set();
    const model = new ScriptedModel(() => "yes");
    await runBenchmark(benchmark("easy-vqa"), { model, data, out });
    const limited = await failure(runBenchmark(benchmark("easy-vqa"), { model, data, out, limit: 3 }));
    expect(limited.message).toMatch(/another limit, questions/);
    await writeFile(join(data.path, "questions.json"), JSON.stringify([["what?", "yes", 0]]));
    const changed = await failure(runBenchmark(benchmark("easy-vqa"), { model, data, out }));
    expect(changed.message).toMatch(/another questions, data/);
  });

  it("a profile that the benchmark does not have, and counts that are none", async () => {
    const { data, out } = await set();
    const model = new ScriptedModel(() => "yes");
    const run = (options: object) => failure(runBenchmark(benchmark("easy-vqa"), { model, data, out, ...options }));
    expect((await run({ profile: "vlmevalkit" })).message).toMatch(/one of official for the profile/);
    expect((await run({ concurrency: 0 })).code).toBe("INVALID_ARGUMENT");
    expect((await run({ limit: 1.5 })).code).toBe("INVALID_ARGUMENT");
  });
});
