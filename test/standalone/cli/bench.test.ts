import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../../../cli/run.ts";
import { png, writeTree } from "../benchmarks/files.ts";
import { failure } from "../checkpoint/temporary.ts";
import { completion, endpoint } from "../openai-client/server.ts";
import { inFolder, runCli } from "./run-cli.ts";

async function easyVqa(folder: string): Promise<string> {
  const questions = ["circle", "square", "circle", "yes"].map((answer, i) => [`question ${i}?`, answer, 0]);
  return writeTree(join(folder, "data"), { "questions.json": JSON.stringify(questions), "images/0.png": await png(1) });
}

test("scores a model behind an endpoint, prints protocol and figures, and compares two runs", async () => {
  await inFolder(async (folder) => {
    const data = await easyVqa(folder);
    const model = await endpoint(completion("circle."));
    const out = join(folder, "results");
    const bench = (name: string, ...more: string[]) =>
      runCli(
        "bench",
        "easy-vqa",
        "--data",
        data,
        "--out",
        out,
        "--endpoint",
        model.baseUrl,
        "--endpoint-model",
        name,
        ...more,
      );
    const first = await bench("a/b", "--concurrency", "2", "--verbose");
    expect(first.stderr).toContain("easy-VQA test: 4 of 4 answers");
    expect(first.code).toBe(0);
    expect(first.stdout).toContain("easy-VQA test, profile official, a/b, 4 questions");
    expect(first.stdout).toMatch(/50\.00 \[[\d.]+, [\d.]+\] {2}accuracy/);
    expect(model.received.length).toBe(4);
    const second = await bench("c", "--json");
    const { scores } = JSON.parse(second.stdout);
    expect(scores.accuracy.value).toBe(50);
    const runs = ["a_b", "c"].map((name) => join(out, `easy-vqa-official-${name}`));
    const compared = await runCli("bench", "--compare", runs[0]!, runs[1]!, "--out", out);
    expect(compared.stderr).toBe("");
    expect(compared.stdout).toContain("McNemar's exact test, two-sided: 0 right in the first run only");
    expect(await readFile(join(out, "comparison.html"), "utf8")).toContain("easy-VQA test");
  });
});

test("takes your own benchmark by its file, and compares two of its runs", async () => {
  await inFolder(async (folder) => {
    const own = fileURLToPath(new URL("../benchmarks/stranger/counting.ts", import.meta.url));
    const question = JSON.stringify({ id: 1, question: "How many dots?", image: "dots.png", count: 2 });
    const data = await writeTree(join(folder, "data"), {
      "questions.jsonl": question,
      "images/dots.png": await png(1),
    });
    const out = join(folder, "results");
    const model = await endpoint(completion("2"));
    const where = ["--data", data, "--out", out, "--endpoint", model.baseUrl, "--endpoint-model", "m"];
    const first = await runCli("bench", own, ...where);
    expect([first.stderr, first.code]).toEqual(["", 0]);
    expect(first.stdout).toContain("Counting, profile exact, m, 1 questions");
    const results = join(out, "counting-exact-m");
    const compared = await runCli("bench", "--compare", results, results, "--module", own, "--out", out);
    expect([compared.stderr, compared.code]).toEqual(["", 0]);
    expect(compared.stdout).toContain("Counting, profile exact: m and m");
    expect((await runCli("bench", "--compare", results, results, "--out", out)).stderr).toContain("Give the benchmark");
  });
});

test("wrong command lines and wrong data say what is wrong", async () => {
  await inFolder(async (folder) => {
    const data = await easyVqa(folder);
    const said = async (...args: string[]) => (await failure(run(["bench", ...args]))).message;
    expect(await said("imagenet")).toMatch(/one of mme, gqa, pope/);
    expect(await said("pope")).toMatch(/--data.*coco_pope/);
    expect(await said("pope", "--data", data, "--profile", "mine")).toMatch(/lmms-eval, vlmevalkit, official/);
    expect(await said("pope", "--data", data, "--limit", "0")).toMatch(/whole number.*--limit/);
    expect(await said("pope", "--data", data, "--endpoint", "http://127.0.0.1:9/v1")).toMatch(/--endpoint-model/);
    expect(await said("pope", "--data", data, "--server", "http://127.0.0.1:9")).toMatch(/a llama-server for/);
    expect(await said("pope", "--data", data, "--vllm", "http://127.0.0.1:9")).toMatch(/--endpoint-model for --vllm/);
    const vllm = ["--vllm", "http://127.0.0.1:9/v1", "--endpoint-model", "m"];
    expect(await said("pope", "--data", data, ...vllm)).toMatch(/--encoder or --mmproj for --vllm/);
    await writeFile(join(data, "questions.json"), '[["what?", 5, 0]]');
    const model = ["--endpoint", "http://127.0.0.1:9/v1", "--endpoint-model", "m", "--out", folder];
    expect(await said("easy-vqa", "--data", data, ...model)).toMatch(/questions\.json, line 1/);
  });
});
