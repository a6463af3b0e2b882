import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Detection,
  evaluateImage,
  intersectionOverUnion,
  judgeQuestions,
  keptObjects,
  NOT_COMPARABLE,
  readDetections,
  readGenEvalPrompts,
  relativePosition,
  runGenEval,
  summarizeGenEval,
  writeGenEvalFolders,
} from "../../../adapters/benchmarks/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { pattern } from "../../golden/image/fixtures.ts";
import { inFolder } from "../cli/run-cli.ts";

const DOG_LEFT_OF_BENCH = {
  tag: "position",
  prompt: "a dog left of a bench",
  include: [
    { class: "bench", count: 1 },
    { class: "dog", count: 1, position: ["left of", 0] },
  ],
};
const BROWN_DOG = { tag: "colors", prompt: "a brown dog", include: [{ class: "dog", count: 1, color: "brown" }] };

/** djghosh13/geneval's own functions gave these (facts, appendix A). */
test.each([
  [[0, 0, 10, 10], [20, 0, 30, 10], ["left of"]],
  [[20, 0, 30, 10], [0, 0, 10, 10], ["right of"]],
  [[0, 0, 10, 10], [5, 5, 15, 15], []],
  [[0, 0, 10, 10], [1, 0, 11, 10], []],
  [[0, 0, 10, 10], [0, 30, 10, 40], ["above"]],
  [[0, 0, 100, 100], [60, 20, 160, 120], ["left of"]],
] as const)("%j relative to %j: %j", (a, b, relations) => {
  expect([...relativePosition(a, b)]).toEqual(relations);
});

test("intersection over union counts edge pixels", () => {
  expect(intersectionOverUnion([0, 0, 9, 9], [0, 0, 9, 9])).toBe(1);
  expect(intersectionOverUnion([0, 0, 9, 9], [5, 5, 14, 14])).toBeCloseTo(0.142857, 6);
});

describe("which boxes count", () => {
  const dog = (score: number): Detection => ({ at: "x", class: "dog", box: [0, 0, 9, 9], score });
  test("above 0.3, for counting above 0.9; the surest first; at most 16", () => {
    const scores = (tag: string, ...all: number[]) =>
      keptObjects(all.map(dog), tag)
        .get("dog")
        ?.map(({ score }) => score);
    expect(scores("colors", 0.3, 0.31, 0.9)).toEqual([0.9, 0.31]);
    expect(scores("counting", 0.9, 0.95)).toEqual([0.95]);
    expect(scores("colors", 0.1)).toBeUndefined();
    expect(scores("colors", ...Array.from({ length: 20 }, (_, i) => 0.5 + i / 100))).toHaveLength(16);
  });
  test("a colour that nobody gave is an error, never a wrong verdict", () => {
    const objects = new Map([["dog", [{ ...dog(0.9), at: "detections[0] in boxes.jsonl, line 3" }]]]);
    const prompt = { include: [{ class: "dog", count: 1, color: "brown" as const }], exclude: [] };
    expect(() => evaluateImage(prompt, objects)).toThrow(
      /the color of a dog in detections\[0\] in boxes\.jsonl, line 3/,
    );
  });
});

async function withImages(
  use: (folder: string, write: (name: string, lines: unknown[]) => Promise<string>) => Promise<void>,
) {
  await inFolder(async (folder) => {
    const write = async (name: string, lines: unknown[]) => {
      await writeFile(join(folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      return join(folder, name);
    };
    const prompts = await readGenEvalPrompts(await write("prompts.jsonl", [DOG_LEFT_OF_BENCH, BROWN_DOG]));
    await writeGenEvalFolders(prompts, join(folder, "images"));
    const png = await encodePng(pattern("mixed", 8, 8));
    await writeFile(join(folder, "images/00000/samples/0000.png"), png);
    await writeFile(join(folder, "images/00001/samples/0000.png"), png);
    await use(join(folder, "images"), write);
  });
}

const FOUND = [
  {
    filename: "00000/samples/0000.png",
    detections: [
      { class: "dog", box: [0, 0, 10, 10], score: 0.9 },
      { class: "bench", box: [50, 0, 90, 10], score: 0.8 },
    ],
  },
  { filename: "00001/samples/0000.png", detections: [{ class: "dog", box: [0, 0, 5, 5], score: 0.9, color: "black" }] },
];

test("folders, detections, verdicts and the summary", () =>
  withImages(async (folder, write) => {
    expect(JSON.parse(await readFile(join(folder, "00000/metadata.jsonl"), "utf8"))).toEqual(DOG_LEFT_OF_BENCH);
    const detections = await readDetections(await write("boxes.jsonl", FOUND));
    const { summary, results, comparable, unreadable } = await runGenEval(folder, { detections });
    expect([comparable, unreadable]).toEqual([true, []]);
    expect(results.map(({ correct, reason }) => [correct, reason])).toEqual([
      [true, ""],
      [false, "expected brown dog>=1, found 0 brown; and 1 black"],
    ]);
    expect(summary).toMatchObject({ images: 2, prompts: 2, correctImages: 0.5, overall: 0.5 });
    expect(summarizeGenEval(results)).toEqual(summary);
  }));

test("an image that cannot be read counts as wrong and is listed", () =>
  withImages(async (folder, write) => {
    await writeFile(join(folder, "00000/samples/0000.png"), "no picture");
    const detections = await readDetections(await write("boxes.jsonl", FOUND));
    const { unreadable, results } = await runGenEval(folder, { detections });
    expect(unreadable).toEqual([
      { filename: "00000/samples/0000.png", message: expect.stringContaining("raster image") },
    ]);
    expect(results[0]).toMatchObject({ correct: false, reason: "the image cannot be read" });
  }));

test("no image that can be read is an error and no score of 0", () =>
  withImages(async (folder, write) => {
    for (const image of ["00000", "00001"]) await writeFile(join(folder, `${image}/samples/0000.png`), "no picture");
    const detections = await readDetections(await write("boxes.jsonl", FOUND));
    await expect(runGenEval(folder, { detections })).rejects.toThrow(
      /Expected at least one image that can be scored for .* but received 2 that failed, the first, 00000\/samples\/0000.png: /,
    );
  }));

test("a judge is asked a question for each clause, and its result is labelled", () =>
  withImages(async (folder) => {
    const asked: string[] = [];
    const judge = {
      name: "always-yes",
      ask: async (_: unknown, question: string) => {
        asked.push(question);
        return { answer: "yes" as const, text: "Yes." };
      },
    };
    const report = await runGenEval(folder, { judge });
    expect([report.comparable, report.evaluator]).toEqual([false, `always-yes: ${NOT_COMPARABLE}`]);
    expect(asked).toEqual([
      "Is there a bench in the image?",
      "Is there a dog in the image?",
      "Is the dog left of the bench?",
      "Is there a brown dog in the image?",
    ]);
    const [include, exclude] = [[], [{ class: "cup", count: 3 }]];
    expect(judgeQuestions({ include, exclude })[0]?.wanted).toBe("no");
  }));

describe("bad input names file and line", () => {
  const good = FOUND[0]!;
  test.each([
    [[good, good], /each filename once for boxes\.jsonl, line 2 .* as in boxes\.jsonl, line 1/],
    [[{ filename: "a.png" }], /a list of objects for detections in boxes\.jsonl, line 1 but received nothing/],
    [
      [{ filename: "a", detections: [{ class: "dog", box: [1, 2, 3], score: 1 }] }],
      /four numbers.*box in detections\[0\]/,
    ],
    [
      [{ filename: "a", detections: [{ class: "dog", box: [1, 2, 3, 4], score: "1" }] }],
      /score in detections\[0\] in boxes/,
    ],
    [
      [{ filename: "a", detections: [{ class: "dog", box: [1, 2, 3, 4], score: 1, color: "mauve" }] }],
      /one of red, orange/,
    ],
  ])("%j", (lines, message) =>
    withImages(async (_, write) => {
      await expect(readDetections(await write("boxes.jsonl", lines))).rejects.toThrow(message);
    }),
  );

  test.each([
    [{ ...BROWN_DOG, include: undefined }, /a list of objects for include in p\.jsonl, line 1/],
    [
      { ...BROWN_DOG, include: [{ class: "dog", count: 0 }] },
      /a whole number > 0 for count in include\[0\] in p\.jsonl, line 1/,
    ],
    [{ ...DOG_LEFT_OF_BENCH, include: [{ class: "dog", count: 1, position: ["left of", 0] }] }, /an earlier clause/],
    [{ ...BROWN_DOG, tag: 3 }, /text for tag in p\.jsonl, line 1 but received 3/],
  ])("%j", (line, message) =>
    withImages(async (_, write) => {
      await expect(readGenEvalPrompts(await write("p.jsonl", [line]))).rejects.toThrow(message);
    }),
  );

  test("detections that do not fit the folder", () =>
    withImages(async (folder, write) => {
      const few = await readDetections(await write("few.jsonl", FOUND.slice(1)));
      await expect(runGenEval(folder, { detections: few })).rejects.toThrow(/a line of 00000\/samples\/0000\.png/);
      const more = await readDetections(await write("more.jsonl", [...FOUND, { filename: "x.png", detections: [] }]));
      await expect(runGenEval(folder, { detections: more })).rejects.toThrow(
        /images that are in the folder .* "x\.png"/,
      );
      await expect(runGenEval(join(folder, "00000"), { detections: few })).rejects.toThrow("no image");
    }));
});
