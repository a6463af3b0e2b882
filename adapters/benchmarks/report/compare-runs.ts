import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import type { Group, Judged } from "../benchmark.ts";
import { jsonLines } from "../kit/readers/json-lines.ts";
import { type RunRecord, readRunRecord } from "../run/run-record.ts";
import { BOOTSTRAP_SEED, RESAMPLES } from "../statistics/bootstrap.ts";
import { mcNemar, pairedBootstrap } from "../statistics/paired-tests.ts";
import { benchmarks } from "../tasks/all.ts";
import type { ChangedQuestion, Comparison } from "./comparison.ts";
import { comparisonPage } from "./comparison-page.ts";
import { scoresOf } from "./scores.ts";
import { writeText } from "./write-results.ts";

const judgement = z.object({
  group: z.number(),
  id: z.string(),
  answers: z.array(z.string()),
  categories: z.record(z.string(), z.string()),
  parsed: z.string().nullable(),
  score: z.number(),
  drawn: z.boolean().optional(),
});

/** What two runs must share to be compared. */
const SHARED = ["benchmark", "profile", "questions", "limit"] as const;

/**
 * Sets two results folders side by side, with a paired test.
 * @param page where an HTML page of it is written, if anywhere
 * @throws INVALID_DATA for a folder that is unfinished or damaged, or two that hold other questions
 */
export async function compareRuns(first: string, second: string, page?: string): Promise<Comparison> {
  const runs = [await readRun(first), await readRun(second)] as const;
  const [one, other] = runs;
  const differs = SHARED.find((name) => one.record[name] !== other.record[name]);
  const files = runs.map(({ record }) => record.data.map(({ sha256 }) => sha256).join());
  if (differs || files[0] !== files[1]) {
    const received = differs ? `${differs} ${one.record[differs]} and ${other.record[differs]}` : "other data files";
    throw expectedBut("INVALID_DATA", "two runs of the same questions", `${first} and ${second}`, received);
  }
  const { benchmark, profile } = one.record;
  const task = benchmarks.find(({ name }) => name === benchmark);
  const score = task?.profiles[profile]?.score;
  if (!task || !score)
    throw expected("INVALID_DATA", "a benchmark and profile of this version", first, `${benchmark}, ${profile}`);
  const pairs = one.groups.map((group, i) => [group, other.groups[i]!] as const);
  const figures = runs.map(({ groups }) => scoresOf(groups, score));
  const wholes = runs.every(({ groups }) => groups.flat().every((judged) => judged.score === 0 || judged.score === 1));
  const allRight = (groups: readonly Group[]) => groups.map((group) => group.every((judged) => judged.score === 1));
  const comparison: Comparison = {
    title: task.title,
    headline: Object.keys(figures[0]!)[0]!,
    runs: [one.record, other.record],
    scores: Object.fromEntries(
      Object.entries(figures[0]!).flatMap(([name, own]) => {
        const theirs = figures[1]![name];
        return theirs ? [[name, [own, theirs] as const]] : [];
      }),
    ),
    difference: pairedBootstrap(pairs, score),
    mcNemar: wholes ? mcNemar(allRight(one.groups), allRight(other.groups)) : null,
    bootstrap: { resamples: RESAMPLES, seed: BOOTSTRAP_SEED },
    changed: changedQuestions(pairs),
  };
  if (page !== undefined) await writeText(page, comparisonPage(comparison));
  return comparison;
}

interface Run {
  readonly record: RunRecord;
  readonly groups: readonly Group[];
}

async function readRun(folder: string): Promise<Run> {
  const record = await readRunRecord(join(folder, "run.json"));
  const path = join(folder, "judgements.jsonl");
  if (!(await stat(path).catch(() => null))) {
    const mend = "Run the benchmark again: it goes on where it stopped.";
    throw expectedBut("INVALID_DATA", "a finished run", folder, "one without judgements.jsonl", mend);
  }
  const groups: Judged[][] = [];
  for await (const row of jsonLines(path)) {
    const result = judgement.safeParse(row.fields);
    if (!result.success) throw expectedBut("INVALID_DATA", "a judgement", row.at, result.error.issues[0]!.message);
    const { group, ...judged } = result.data;
    (groups[group] ??= []).push(judged as Judged);
  }
  const count = groups.flat().length;
  if (count === record.questions) return { record, groups };
  throw expectedBut("INVALID_DATA", `${record.questions} judgements`, path, `${count}`);
}

function changedQuestions(pairs: readonly (readonly [Group, Group])[]): ChangedQuestion[] {
  const all = pairs.flatMap(([first, second]) =>
    first.map((one, i) => {
      const other = second[i]!;
      return {
        id: one.id,
        answers: [...new Set(one.answers)],
        parsed: [one.parsed, other.parsed] as const,
        scores: [one.score, other.score] as const,
      };
    }),
  );
  const size = ({ scores: [first, second] }: ChangedQuestion) => Math.abs(second - first);
  return all.filter((changed) => size(changed) > 0).sort((a, b) => size(b) - size(a));
}
