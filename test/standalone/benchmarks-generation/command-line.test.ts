import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodePng, readImage } from "../../../sdk/index.ts";
import { pattern } from "../../golden/image/fixtures.ts";
import { inFolder, runCli } from "../cli/run-cli.ts";

test("vqrae evaluate geneval writes folders, then scores what lies in them", () =>
  inFolder(async (folder) => {
    const [prompts, boxes, out] = ["p.jsonl", "b.jsonl", "r.jsonl"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const images = join(folder, "images");
    await writeFile(
      prompts,
      JSON.stringify({ tag: "single_object", prompt: "a dog", include: [{ class: "dog", count: 1 }] }),
    );
    expect((await runCli("evaluate", "geneval", images, "--prompts", prompts)).stdout).toBe(`${images}: 1 prompts\n`);
    await writeFile(join(images, "00000/samples/0000.png"), await encodePng(pattern("mixed", 8, 8)));
    const detections = [{ class: "dog", box: [0, 0, 5, 5], score: 0.5 }];
    await writeFile(boxes, JSON.stringify({ filename: "00000/samples/0000.png", detections }));
    const { code, stdout, stderr } = await runCli("evaluate", "geneval", images, "--detections", boxes, "--out", out);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("overall, the mean over tasks: 1.00000");
    expect(JSON.parse(await readFile(out, "utf8"))).toMatchObject({ tag: "single_object", correct: true, reason: "" });
    const wrong = await runCli("evaluate", "geneval", images, "--detections", boxes, "--judge");
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("one of --prompts, --detections, --judge")]);
  }));

test("vqrae evaluate dpg-bench writes grids, then scores them", () =>
  inFolder(async (folder) => {
    const [images, grids] = [join(folder, "images"), join(folder, "grids")];
    await mkdir(join(images, "a"), { recursive: true });
    await mkdir(grids);
    const png = await encodePng(pattern("mixed", 8, 8));
    for (let i = 0; i < 4; i++) await writeFile(join(images, "a", `${i}.png`), png);
    expect((await runCli("evaluate", "dpg-bench", images, "--grids", grids)).stdout).toBe(`${grids}: 1 grids\n`);
    expect((await readImage(join(grids, "a.png"))).width).toBe(16);
    const csv = join(folder, "q.csv");
    const header = "item_id,text,proposition_id,dependency,tuple,question_natural_language";
    await writeFile(csv, `${header}\nx,p,1,0,entity (x),Is there x?\na,p,1,0,entity (a),Is there a?\n`);
    const answers = join(folder, "a.jsonl");
    const line = (crop: number) =>
      JSON.stringify({ item_id: "a", crop, proposition_id: 1, answer: crop < 3 ? "yes" : "no" });
    await writeFile(answers, [0, 1, 2, 3].map(line).join("\n"));
    const args = ["evaluate", "dpg-bench", grids, "--csv", csv, "--resolution", "8"];
    const { code, stdout, stderr } = await runCli(...args, "--answers", answers);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("1 items: 75.00");
    const wrong = await runCli(...args);
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("one of --answers, --judge")]);
  }));
