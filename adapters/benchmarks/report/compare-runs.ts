import * as z from "zod";
import { expected, expectedBut, isObject, option, parseOptions, writeWhole } from "../../../sdk/kit.ts";
import type { Benchmark, Group, Profile } from "../benchmark.ts";
import { checkBenchmark } from "../define-benchmark.ts";
import { allRight } from "../kit/index.ts";
import { BOOTSTRAP_SEED, RESAMPLES } from "../statistics/bootstrap.ts";
import { mcNemar, pairedBootstrap } from "../statistics/paired-tests.ts";
import { benchmarks } from "../tasks/all.ts";
import type { ChangedQuestion, Comparison } from "./comparison.ts";
import { comparisonPage } from "./comparison-page.ts";
import { type Run, readRun } from "./read-run.ts";
import { figuresOf } from "./scores.ts";

export interface CompareOptions {
  /** The benchmark that was run. Default: the built-in one of the name in the results folders. */
  readonly benchmark?: Benchmark | undefined;
  /** An HTML page of the comparison is written here. */
  readonly page?: string | undefined;
}

const schema = z.strictObject({
  benchmark: option.custom<Benchmark>("a benchmark", isObject),
  page: option.text("the path of a file"),
});

/** What two runs must share to be compared. */
const SHARED = ["benchmark", "profile", "questions", "limit"] as const;

/**
 * Sets two results folders side by side, with a paired test.
 * @throws INVALID_DATA for a folder that is unfinished or damaged, two that hold other questions, or one of a benchmark
 *   that is neither built in nor the one given; INVALID_ARGUMENT; IO_ERROR
 */
export async function compareRuns(first: string, second: string, options: CompareOptions = {}): Promise<Comparison> {
  const { page, benchmark } = parseOptions(schema, options, "compareRuns");
  const [one, other] = [await readRun(first), await readRun(second)];
  requireSameQuestions(one, other);
  const { title, score } = protocolOf(one, benchmark);
  const pairs = pairsOf(one, other);
  const [figures, others] = [await figuresOf(one.groups, score), await figuresOf(other.groups, score)];
  const wholes = pairs.flat(2).every((judged) => judged.score === 0 || judged.score === 1);
  const rights = ({ groups }: Run) => groups.map((group) => allRight(group) === 1);
  const comparison: Comparison = {
    title,
    headline: figures.headline,
    runs: [one.record, other.record],
    scores: Object.fromEntries(
      Object.entries(figures.scores).flatMap(([name, own]) => {
        const theirs = others.scores[name];
        return theirs ? [[name, [own, theirs] as const]] : [];
      }),
    ),
    difference: await pairedBootstrap(pairs, score),
    mcNemar: wholes ? mcNemar(rights(one), rights(other)) : null,
    bootstrap: { resamples: RESAMPLES, seed: BOOTSTRAP_SEED },
    changed: changedQuestions(pairs),
  };
  if (page !== undefined) await writeWhole(page, comparisonPage(comparison));
  return comparison;
}

function requireSameQuestions(one: Run, other: Run): void {
  const differs = SHARED.find((name) => one.record[name] !== other.record[name]);
  const [files, others] = [one, other].map(({ record }) => record.data.map(({ sha256 }) => sha256).join());
  if (!differs && files === others) return;
  const received = differs ? `${differs} ${one.record[differs]} and ${other.record[differs]}` : "other data files";
  throw expectedBut("INVALID_DATA", "two runs of the same questions", `${one.folder} and ${other.folder}`, received);
}

/** Title and score of what was run. */
function protocolOf({ folder, record }: Run, given: Benchmark | undefined): Pick<Profile, "score"> & { title: string } {
  if (given) checkBenchmark(given, "compareRuns");
  const task = given ?? benchmarks.find(({ name }) => name === record.benchmark);
  const profile = task?.name === record.benchmark ? task.profiles[record.profile] : undefined;
  if (task && profile) return { title: task.title, score: profile.score };
  const received = `${record.benchmark}, ${record.profile}`;
  const what = given ? `a run of ${given.name}` : "a benchmark and profile of this version";
  throw expected("INVALID_DATA", what, folder, received, {
    mend: given ? undefined : "Give the benchmark if it is your own.",
    path: folder,
  });
}

type Pair = readonly [Group, Group];

/** The groups of both runs, question by question the same. */
function pairsOf(one: Run, other: Run): Pair[] {
  const ids = (group: Group | undefined) => group?.map(({ id }) => id).join("\n");
  return one.groups.map((group, i) => {
    const twin = other.groups[i];
    if (twin && ids(twin) === ids(group)) return [group, twin] as const;
    const received = twin ? `${twin[0].id} and ${group[0].id} in the same place` : `none for ${group[0].id}`;
    throw expectedBut(
      "INVALID_DATA",
      "judgements of the same questions",
      `${one.folder} and ${other.folder}`,
      received,
    );
  });
}

function changedQuestions(pairs: readonly Pair[]): ChangedQuestion[] {
  const all = pairs.flatMap(([first, second]) =>
    first.flatMap((one, i) => {
      const other = second[i];
      if (!other) return [];
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
