/**
 * Prints the tables of docs/vqrae-tiny.md, docs/vqrae-tiny-vlm.md, docs/vqrae-tiny-generator.md and of the pages of those before and next from a training's metrics:
 *
 *   node scripts/training-tables.ts docs/data/vqrae-tiny [every so many steps only]
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

type Metrics = Record<string, number>;
/** Heading -> how a line of metrics shows it. */
type Columns = Record<string, (line: Metrics) => string>;

const fixed = (key: string, digits: number) => (line: Metrics) => line[key]?.toFixed(digits) ?? "";
const percent = (key: string) => (line: Metrics) => (key in line ? `${(100 * line[key]!).toFixed(1)} %` : "");
const count = (key: string) => (line: Metrics) => Math.round(line[key]!).toLocaleString("en");

const tables: { file: string; marker: string; columns: Columns }[] = [
  {
    file: "foundation.jsonl",
    marker: "token_cosine",
    columns: {
      step: count("step"),
      "token cosine": fixed("token_cosine", 3),
      "cosine after LayerNorm": fixed("token_cosine_normalised", 3),
      "top-1 as the teacher": percent("top1_agreement"),
      "1-NN, class token (teacher)": (line) => `${percent("nn1")(line)} (${percent("nn1_teacher")(line)})`,
      "1-NN, mean patch (teacher)": (line) =>
        `${percent("nn1_mean_patch")(line)} (${percent("nn1_mean_patch_teacher")(line)})`,
    },
  },
  ...["stage1.jsonl", "stage2.jsonl", "decoder.jsonl", "decoder-1x1-head.jsonl", "decoder-alone.jsonl"].map((file) => ({
    file,
    marker: "val_psnr",
    columns: {
      step: count("step"),
      "val PSNR (dB)": fixed("val_psnr", 2),
      worst: fixed("val_psnr_worst", 2),
      SSIM: fixed("val_ssim", 3),
      blocking: fixed("val_blocking", 2),
      "codes on val": count("val_codes"),
      perplexity: count("val_perplexity"),
      "cosine to the frozen encoder": fixed("teacher_cosine", 4),
    },
  })),
  ...["vlm.jsonl", "vlm-continued.jsonl"].map((file) => ({
    file,
    marker: "val_easy_vqa",
    columns: {
      step: count("step"),
      phase: (line: Metrics) => ["text", "projector", "both", "captions"][line.phase!]!,
      "easy-VQA, 100 test pictures": percent("val_easy_vqa"),
      "NLVR, 381 held sentences": percent("val_nlvr"),
      "captions of val photos, nats a token": fixed("val_caption_loss", 3),
      "CIDEr-D of greedy ones": fixed("val_cider", 2),
      "yes or no": percent("val_yes_no"),
      "DAQUAR, held rooms": percent("val_rooms"),
    },
  })),
  ...["generator.jsonl", "generator-continued.jsonl", "generator-tried.jsonl"].map((file) => ({
    file,
    marker: "val_photos",
    columns: {
      step: count("step"),
      "photos, with words": fixed("val_photos", 3),
      "without words": fixed("val_photos_without_words", 3),
      "drawings, with words": fixed("val_drawings", 3),
      "without words ": fixed("val_drawings_without_words", 3),
    },
  })),
];

const [folder, every = "1"] = process.argv.slice(2);
if (!folder)
  throw new Error("Expected the folder of foundation.jsonl, stage1.jsonl, ... (such as docs/data/vqrae-tiny).");
const there = await readdir(folder);
for (const { file, marker, columns } of tables.filter((table) => there.includes(table.file))) {
  const lines: Metrics[] = (await readFile(join(folder, file), "utf8"))
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l));
  const rows = lines.filter((line) => marker in line && line.step! % Number(every) === 0);
  const headings = Object.keys(columns).filter((h) => rows.some((row) => columns[h]!(row) !== ""));
  console.log(`\n${file}\n\n| ${headings.join(" | ")} |\n|${headings.map(() => "---").join("|")}|`);
  for (const row of rows) console.log(`| ${headings.map((h) => columns[h]!(row)).join(" | ")} |`);
}
