/**
 * Writes the table of docs/use-another-tokenizer.md that says how each tokenizer compares with its original: tiny models against what the
 * original repositories' code made of them (test/golden), the conformance suite on each, and what
 * scripts/full-size/tokenizers.ts found at full size:
 *
 *   node scripts/tokenizer-table.ts           # all of them, a few minutes
 *   node scripts/tokenizer-table.ts var ibq   # prints those rows alone
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readModel } from "../sdk/families/read-model.ts";
import { preprocess } from "../sdk/image/preprocess.ts";
import { loadTokenizer, type RgbImage, type VisionTokenizer } from "../sdk/index.ts";
import { conformanceTests } from "../sdk/testing/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../test/golden/expected.ts";
import { type FullSize, fullSizeFile } from "./full-size/found.ts";
import { type Row, rows } from "./tokenizer-table/rows.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "docs/use-another-tokenizer.md");
const START = "<!-- written by scripts/tokenizer-table.ts -->\n\n";
const END = "\n\n<!-- end -->";
const HEAD = ["tokenizer", "ids", "decoded bytes", "features", "preparation", "full size", "conformance suite"];

/** What the conformance suite compares within (test/conformance/models.test.ts). */
const SUITE = { featureTolerance: 1e-6 };

const asked = process.argv.slice(2);
const fullSize: Record<string, FullSize> = JSON.parse(await readFile(fullSizeFile, "utf8"));
const folder = await mkdtemp(join(tmpdir(), "tokenizer-table-"));
const found: string[][] = [];
try {
  for (const row of rows) if (asked.length === 0 || asked.includes(row.name)) found.push(await cellsOf(row));
} finally {
  await rm(folder, { recursive: true });
}
const table = markdown([HEAD, ...found]);
console.log(table);
if (asked.length === 0) {
  const text = await readFile(page, "utf8");
  const [before, after] = [text.indexOf(START), text.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`Expected ${START.trim()} and ${END.trim()} in ${page}.`);
  await writeFile(page, text.slice(0, before + START.length) + table + text.slice(after));
}

async function cellsOf(row: Row): Promise<string[]> {
  const { name, title, golden, keys } = row;
  const expected = readExpected(join(root, "test/golden", golden, "expected.safetensors"));
  const of = (key: string | undefined, i: number) => (key === undefined ? null : rowOf(expected[key]!, i));
  const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));
  const source = await row.write(join(folder, name));
  const { image } = await readModel(source);
  const load = () => loadTokenizer(source, { threads: 1, device: "cpu" });
  const tokenizer = await load();
  const worst = { ids: 0, of: 0, bytes: 0, features: 0, pixels: 0 };
  try {
    const encoded = await tokenizer.encode(images);
    for (const [i, { ids, features }] of encoded.entries()) {
      const wanted = of(keys.ids, i);
      worst.of += wanted?.length ?? 0;
      worst.ids += Array.from(wanted ?? []).filter((id, at) => id !== ids?.[at]).length;
      const own = of(keys.features, i);
      if (own) worst.features = Math.max(worst.features, largestDifference(features, own));
      const pixels = of(keys.pixels, i);
      if (pixels) worst.pixels = Math.max(worst.pixels, largestDifference(levels(images[i]!, image, pixels), pixels));
      const bytes = of(keys.decoded, i);
      if (!bytes) continue;
      const tokens = wanted ? Int32Array.from(wanted) : Float32Array.from(own ?? []);
      const { data } = await tokenizer.decode(tokens);
      worst.bytes = Math.max(worst.bytes, largestDifference(data, bytes));
    }
  } finally {
    await tokenizer.dispose();
  }
  return [
    title,
    keys.ids ? equal(worst.of - worst.ids, worst.of) : (row.without?.ids ?? ""),
    keys.decoded ? `by ${worst.bytes} at most` : (row.without?.decoded ?? ""),
    keys.features ? worst.features.toExponential(0) : (row.without?.features ?? "not compared: ids follow from them"),
    row.preparation(worst.pixels < 1e-6),
    sizeOf(fullSize[name], row),
    await conformance(load),
  ];
}

/** The pixels in the form in which the original's are there: bytes, or numbers. */
function levels(
  image: RgbImage,
  plan: Awaited<ReturnType<typeof readModel>>["image"],
  wanted: ArrayLike<number>,
): ArrayLike<number> {
  const { data } = preprocess(image, plan);
  if (wanted instanceof Uint8Array) return data;
  return Float32Array.from(data, (byte, i) => (byte / 255 - plan.mean[i % 3]!) / plan.std[i % 3]!);
}

function equal(count: number, all: number): string {
  return count === all ? `all ${all} equal` : `${count} of ${all} equal`;
}

function sizeOf(found: FullSize | undefined, { without }: Row): string {
  if (!found) return without?.fullSize ?? "";
  const { parameters, ids, differentIds = 0, bytes, features, decodedFeatures } = found;
  const parts = [
    `${(parameters / 1e6).toFixed(0)} M parameters`,
    ...(ids === undefined ? [] : [equal(ids - differentIds, ids).replace("equal", "ids equal")]),
    ...(bytes === undefined ? [] : [`bytes by ${bytes}`]),
    ...(features === undefined ? [] : [`features ${features.toExponential(0)}`]),
    ...(decodedFeatures === undefined ? [] : [`features of ids ${decodedFeatures.toExponential(0)}`]),
  ];
  return parts.join(", ");
}

async function conformance(load: () => Promise<VisionTokenizer>): Promise<string> {
  const counts = { passed: 0, skipped: 0, failed: [] as string[] };
  for (const { name, run } of conformanceTests(load, SUITE)) {
    let skipped = false;
    try {
      await run({ skip: () => (skipped = true) });
      counts[skipped ? "skipped" : "passed"]++;
    } catch (error) {
      counts.failed.push(`${name}: ${error}`);
    }
  }
  for (const failure of counts.failed) console.error(failure);
  const failed = counts.failed.length === 0 ? "" : `, ${counts.failed.length} failed`;
  return `${counts.passed} passed${failed}, ${counts.skipped} do not apply`;
}

function markdown(lines: readonly (readonly string[])[]): string {
  const [head = []] = lines;
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...lines.slice(1).map(line)].join("\n");
}
