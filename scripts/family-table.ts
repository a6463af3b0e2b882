/**
 * Writes the table of docs/ask-your-own-vlm.md that says what is there for each family of vision language models:
 *
 *   node scripts/family-table.ts
 *
 * `test/docs/family-table.test.ts` fails where the page has another one.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isRotaryProjector, rotaryTypes } from "../adapters/vit-swap/mmproj/rotary-types.ts";
import { typeOfProjector } from "../adapters/vit-swap/mmproj/types.ts";
import * as mmprojs from "../sdk/families/mmproj/all.ts";
import * as projectors from "../sdk/families/projector/all.ts";
import { isObject, readJsonObject } from "../sdk/kit.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
export const page = join(root, "docs/ask-your-own-vlm.md");
const START = "<!-- written by scripts/family-table.ts -->\n\n";
const END = "\n\n<!-- end -->";

/** The names that people know them by, by the projector's type. */
const names: Readonly<Record<string, string>> = {
  llava: "LLaVA 1.5",
  llava_next: "LLaVA 1.6 / NeXT",
  internvl: "InternVL 2.5, 3",
  gemma3: "Gemma 3",
  idefics3: "Idefics3, SmolVLM, SmolVLM2",
  janus: "Janus-Pro",
  lfm2_vl: "LFM2-VL",
  glm4v: "GLM-4.1V, 4.5V, 4.6V",
  glm_ocr: "GLM-OCR",
  lighton_ocr: "LightOnOCR",
  mistral3: "Mistral 3",
  pixtral: "Pixtral",
  qwen2_vl: "Qwen2-VL",
  qwen2_5_vl: "Qwen2.5-VL",
  qwen3_vl: "Qwen3-VL, Qwen3.5",
};

/** Its models have LLaVA's `model_type` and projector, and a tower of their own. */
const PIXTRAL = "pixtral";
/** Types of mmproj that are read and not written, by the projector's type. */
const otherTypes: Readonly<Record<string, string>> = {
  glm4v: "glm4v",
  glm_ocr: "glm4v",
  janus: "janus_pro",
  lighton_ocr: "lightonocr",
  llava_next: "mlp",
  mistral3: "pixtral",
  pixtral: "pixtral",
};

/** Where models that transformers made lie, each in a folder of its own with its config.json. */
const EMBEDDINGS = ["projector", "pixtral", "qwen-vl", "two-files", "janus"];
const PROMPTS = ["prompt"];
const ANSWERS = ["two-files", "janus"];

/** What the code and the golden fixtures say of each family, as a table in Markdown. */
export async function familyTable(): Promise<string> {
  const families = Object.values(projectors).filter(({ type }) => type !== "vqrae_projector");
  const read = new Set(Object.values(mmprojs).map(({ type }) => type));
  const types = [...new Set([...families.map(({ type }) => type), PIXTRAL])].sort();
  const [embeddings, prompts, answers] = await Promise.all([EMBEDDINGS, PROMPTS, ANSWERS].map(modelsIn));
  const rows: string[][] = types.map((type) => {
    const name = names[type];
    if (name === undefined) throw new Error(`Give ${type} a name in ${import.meta.filename}.`);
    const own = families.filter((one) => one.type === type).flatMap((one) => one.modelTypes);
    const modelTypes = type === PIXTRAL ? [PIXTRAL] : [...new Set(own)];
    const checked = (models: ReadonlySet<string> | undefined) =>
      modelTypes.some((own) => models?.has(own)) ? "yes" : "no";
    const mmproj = isRotaryProjector(type) ? rotaryTypes[type] : typeOfProjector[type];
    const reads = mmproj ?? otherTypes[type];
    return [
      name,
      type === PIXTRAL ? "`llava` with a `pixtral` tower" : modelTypes.map((own) => `\`${own}\``).join(", "),
      reads !== undefined && read.has(reads) ? "yes" : "no",
      checked(embeddings),
      checked(prompts),
      checked(answers),
      mmproj === undefined ? "no" : `\`${mmproj}\``,
    ];
  });
  rows.push(await tarRow());
  return markdown([
    ["family", "`model_type` of its folder", "mmproj file", "embeddings", "prompts", "answers", "`vqrae swap` writes"],
    ...rows,
  ]);
}

/** Tar has no projector: its language model reads ids as tokens of its own, and TA-Tok's file lies beside it. */
async function tarRow(): Promise<string[]> {
  const answers = await readFile(join(root, "test/golden/tar/answers.json"), "utf8").catch(() => null);
  const checked = answers === null ? "no" : "yes";
  return ["Tar", "`qwen2`, `llava_qwen`, with TA-Tok", "needs none", "has none", checked, checked, "no"];
}

/** The `model_type`s of the models below these folders of test/golden. */
async function modelsIn(folders: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const folder of folders) {
    const path = join(root, "test/golden", folder);
    const files = await readdir(path, { recursive: true }).catch(() => []);
    for (const file of files.filter((name) => name.endsWith("config.json") && !/_config\.json$/.test(name))) {
      const { model_type: type, vision_config: vision } = await readJsonObject(join(path, file), "INVALID_CONFIG");
      const isPixtral = type === "llava" && isObject(vision) && vision.model_type === PIXTRAL;
      found.add(isPixtral ? PIXTRAL : String(type));
    }
  }
  return found;
}

function markdown(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.slice(1).map(line)].join("\n");
}

/** The page with this table in the place of its own. */
export function withTable(text: string, table: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`Expected ${START.trim()} and ${END.trim()} in ${page}.`);
  return text.slice(0, start + START.length) + table + text.slice(end);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(page, withTable(await readFile(page, "utf8"), await familyTable()));
