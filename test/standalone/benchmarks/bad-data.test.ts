import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runBenchmark } from "../../../adapters/benchmarks/index.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { base64Png, benchmark, lines, png, tsv, writeTree } from "./files.ts";
import { ScriptedModel } from "./scripted-model.ts";

/** What a run says of a benchmark's files before it asks anything. */
async function refused(name: string, files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await temporaryFolder();
  await writeTree(join(folder, "data"), files);
  const model = new ScriptedModel(() => "yes");
  const run = runBenchmark(benchmark(name), { model, data: { path: join(folder, "data") }, out: join(folder, "out") });
  const { code, message } = await failure(run);
  expect(code).toBe("INVALID_DATA");
  expect(model.asked).toEqual([]);
  return message;
}

const header = ["index", "question", "answer", "category", "image"];
const row = async (index: number, over: Record<string, string> = {}) => {
  const fields: Record<string, string> = {
    index: `${index}`,
    question: "Is it?",
    answer: "Yes",
    category: "random",
    image: await base64Png(1),
  };
  return header.map((name) => over[name] ?? fields[name]!);
};

describe("tables", () => {
  it("missing columns", async () => {
    const message = await refused("pope", { "POPE.tsv": tsv(["index", "question", "image"], ["1", "q", "x"]) });
    expect(message).toMatch(/POPE\.tsv, line 1 .*answer, category missing/);
  });

  it.each([
    ["broken base64", { image: `${"A".repeat(70)}*!` }, /base64 for the image in POPE\.tsv, line 3/],
    ["base64 that is cut off", { image: "A".repeat(70) }, /base64 for the image in POPE\.tsv, line 3/],
    ["the index of no row", { image: "77" }, /image in POPE\.tsv, line 3 .*"77"/],
    ["an id that comes twice", { index: "1" }, /POPE\.tsv, line 3 .*"1", which POPE\.tsv, line 2 has too/],
    ["no answer", { answer: "" }, /text for answer in POPE\.tsv, line 3/],
    ["an unclosed quote", { question: '"open' }, /POPE\.tsv, line 3/],
  ])("%s", async (_, over, message) => {
    expect(await refused("pope", { "POPE.tsv": tsv(header, await row(1), await row(2, over)) })).toMatch(message);
  });

  it("a row with too few fields", async () => {
    expect(await refused("pope", { "POPE.tsv": `${tsv(header, await row(1))}2\tq\n` })).toMatch(/POPE\.tsv, line 3/);
  });

  it("an empty table, and one without rows", async () => {
    expect(await refused("pope", { "POPE.tsv": "" })).toMatch(/an empty file/);
    expect(await refused("pope", { "POPE.tsv": tsv(header) })).toMatch(/questions for the data of POPE/);
  });

  it("answers that are no list, and an option that is none", async () => {
    const columns = ["index", "question", "answer", "image"];
    const image = await base64Png(1);
    expect(await refused("textvqa", { "T.tsv": tsv(columns, ["1", "q", "nokia", image]) })).toMatch(
      /answer in T\.tsv, line 2/,
    );
    const letters = ["index", "question", "A", "B", "C", "D", "answer", "category", "image"];
    const message = await refused("mmbench", {
      "M.tsv": tsv(letters, ["1", "q", "a", "b", "c", "d", "E", "x", image]),
    });
    expect(message).toMatch(/one of A, B, C, D for answer in M\.tsv, line 2 but received "E"/);
  });
});

describe("JSON", () => {
  it("a line that is no JSON, and an answer of another type", async () => {
    expect(await refused("pope", { "coco_pope_random.json": '{"question_id": 1,\n' })).toMatch(
      /coco_pope_random\.json, line 1/,
    );
    const wrong = lines(
      { question_id: 1, image: "a", text: "q", label: "yes" },
      { question_id: 2, image: "a", text: "q", label: true },
    );
    expect(await refused("pope", { "coco_pope_random.json": wrong })).toMatch(
      /yes or no for label in coco_pope_random\.json, line 2 but received true/,
    );
  });

  it("a large file: an element that is wrong, one that is cut off, a property that is missing", async () => {
    const question = { question_id: 1, image_id: "a", question: "q", answers: ["x", "y"] };
    const file = (data: unknown) => ({ "TextVQA_0.5.1_val.json": JSON.stringify({ data }, null, 1) });
    expect(await refused("textvqa", file([question, { ...question, question_id: 2, answers: ["x", 5] }]))).toMatch(
      /a list of texts for answers in TextVQA_0\.5\.1_val\.json, line 12/,
    );
    const cut = JSON.stringify({ data: [question, question] }, null, 1).slice(0, -20);
    expect(await refused("textvqa", { "TextVQA_0.5.1_val.json": cut })).toMatch(/complete JSON/);
    expect(await refused("textvqa", { "TextVQA_0.5.1_val.json": "[]" })).toMatch(/a JSON object with "data"/);
  });

  it("elements that are no questions", async () => {
    const image = await png(1);
    const easy = (...elements: unknown[]) => ({ "questions.json": JSON.stringify(elements), "images/0.png": image });
    expect(await refused("easy-vqa", easy(["q", 5, 0]))).toMatch(
      /text for answer in questions\.json, line 1 but received 5/,
    );
    expect(await refused("easy-vqa", easy("q"))).toMatch(/text for answer/);
    expect(await refused("easy-vqa", easy(["q", "yes", "x"]))).toMatch(/a whole number for image/);
  });
});

describe("folders", () => {
  it("a group of another size", async () => {
    const message = await refused("mme", { "color/1.txt": "Is it red?\tYes\n", "color/1.jpg": await png(1) });
    expect(message).toMatch(/2 questions for "color\/1".*received 1/);
  });

  it("a line that is no question", async () => {
    expect(await refused("mme", { "OCR/1.txt": "Is it a?\tYes\nIs it b?\tMaybe\n" })).toMatch(/OCR\/1\.txt, line 2/);
  });

  it("files of another format, no files, nothing at all", async () => {
    expect(await refused("easy-vqa", { "x.tsv": "a\tb\n" })).toMatch(/the format official for the data of easy-vqa/);
    expect(await refused("mmmu", { "x.parquet": "PAR1 this is none" })).toMatch(/parquet/);
    expect(await refused("nlvr", { "readme.md": "" })).toMatch(/dev\.json or hidden\.json/);
    const out = await temporaryFolder();
    const model = new ScriptedModel(() => "");
    const { message } = await failure(
      runBenchmark(benchmark("pope"), { model, data: { path: join(out, "none") }, out }),
    );
    expect(message).toMatch(/nothing there/);
  });

  it("a parquet file that is damaged", async () => {
    expect(await refused("pope", { "pope.parquet": "PAR1 this is no parquet file PAR1" })).toMatch(/a parquet file/);
  });
});
