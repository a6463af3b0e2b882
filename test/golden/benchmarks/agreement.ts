/**
 * Compares what make-cases.ts and reference.py wrote to a folder, and prints docs/benchmarks.md's table of agreements.
 * Differences are printed on standard error, and the exit code is 1 where there is one.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { benchmarks, type Metrics } from "../../../adapters/benchmarks/index.ts";
import type { Case } from "./case-maker.ts";
import type { ScoredCases } from "./score-cases.ts";

/** Means are summed in another order. */
const TOLERANCE = 1e-9;
const SHOWN = 5;

/** cases.json */
interface Made {
  readonly cases: readonly Case[];
  readonly profiles: Readonly<Record<string, ScoredCases>>;
}

/** reference.json */
interface References {
  readonly results: Readonly<Record<string, Reference>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** A list is null if the harness has no such thing; an item, if it says nothing of the question. */
interface Reference {
  readonly scores: readonly number[];
  readonly parsed: readonly (string | null)[] | null;
  readonly drawn: readonly boolean[] | null;
  readonly prompts: readonly (string | readonly (string | number)[] | null)[] | null;
  readonly metrics: Metrics;
}

const [folder = import.meta.dirname] = process.argv.slice(2);
let versions: Readonly<Record<string, string>> = {};
let differences = 0;

/** "n / all" of a list of comparisons; what differs is printed. */
function agreed<T>(
  name: string,
  items: readonly T[],
  equal: (item: T, i: number) => boolean,
  show: (i: number) => unknown,
) {
  const wrong = items.flatMap((item, i) => (equal(item, i) ? [] : [i]));
  differences += wrong.length;
  for (const i of wrong.slice(0, SHOWN)) console.error(name, JSON.stringify(show(i)));
  return `${items.length - wrong.length} / ${items.length}`;
}

const close = (a: number | undefined, b: number) =>
  a !== undefined && Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(b));

function tableRow(name: string, cases: readonly Case[], own: ScoredCases, reference: Reference): string[] {
  const { scores, parsed, drawn, prompts, metrics } = reference;
  const show = (theirs: readonly unknown[]) => (i: number) => ({
    case: cases[i],
    ours: own.judged[i],
    theirs: theirs[i],
  });
  const asked = prompts?.flatMap((prompt, i) => (prompt === null ? [] : [{ prompt, own: own.prompts[i]!, i }]));
  return [
    asked
      ? agreed(
          `${name} prompt`,
          asked,
          (one) => isDeepStrictEqual(one.prompt, one.own),
          (i) => asked[i],
        )
      : "",
    agreed(`${name} score`, own.judged, ({ score }, i) => close(score, scores[i]!), show(scores)),
    parsed
      ? // Open answers of MMMU are sets of values, whose scores are compared.
        agreed(
          `${name} parsed`,
          own.judged,
          (one, i) => one.parsed === parsed[i] || openAnswer(cases[i]!, name),
          show(parsed),
        )
      : "",
    drawn
      ? `${agreed(`${name} drawn`, own.judged, (one, i) => (one.drawn ?? false) === drawn[i], show(drawn))}, ${drawn.filter(Boolean).length} drawn`
      : "",
    agreed(
      `${name} figures`,
      Object.entries(metrics),
      ([figure, value]) => close(own.metrics[figure], value),
      (i) => [Object.entries(metrics)[i], own.metrics],
    ),
  ];
}

const openAnswer = ({ question }: Case, name: string): boolean =>
  name.startsWith("mmmu") && question.options.length === 0 && !name.endsWith("vlmevalkit");

const columns = [
  "benchmark",
  "profile",
  "prompts equal",
  "scores equal",
  "read alike",
  "letters drawn by both",
  "figures equal",
];
const printRow = (cells: readonly string[]) => console.log(`| ${cells.join(" | ")} |`);
printRow(columns);
printRow(columns.map(() => "---"));
for (const { name } of benchmarks) {
  if (!existsSync(join(folder, name, "cases.json"))) continue;
  const { cases, profiles }: Made = JSON.parse(await readFile(join(folder, name, "cases.json"), "utf8"));
  const reference: References = JSON.parse(await readFile(join(folder, name, "reference.json"), "utf8"));
  versions = reference.versions;
  for (const [profile, own] of Object.entries(profiles)) {
    const theirs = reference.results[profile];
    const cells = theirs ? tableRow(`${name} ${profile}`, cases, own, theirs) : ["", "not compared", "", "", ""];
    printRow([name, profile, ...cells]);
  }
}
const made = [`Node ${process.versions.node}`, ...Object.entries(versions).map((pair) => pair.join(" "))];
console.log(`\n${made.join(", ")}; ${new Date().toISOString().slice(0, 10)}`);
process.exitCode = differences === 0 ? 0 : 1;
