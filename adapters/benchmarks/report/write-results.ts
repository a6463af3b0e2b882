import { join } from "node:path";
import packageJson from "../../../package.json" with { type: "json" };
import { writeWhole } from "../../../sdk/kit.ts";
import type { Benchmark, Group, Profile } from "../benchmark.ts";
import type { Judgements } from "../run/judge-answers.ts";
import { type RunRecord, writeJson } from "../run/run-record.ts";
import { BOOTSTRAP_SEED, RESAMPLES } from "../statistics/bootstrap.ts";
import type { Failures } from "./failures.ts";
import { runPage } from "./run-page.ts";
import { figuresOf, type Scores } from "./scores.ts";

export interface Results {
  readonly folder: string;
  readonly benchmark: Benchmark;
  readonly profile: Profile;
  readonly record: RunRecord;
  readonly judgements: Judgements;
  readonly failures: Failures;
}

/** Writes judgements.jsonl, scores.json and report.html beside the answers. @throws IO_ERROR */
export async function writeResults({ folder, benchmark, profile, record, judgements, failures }: Results) {
  const groups = judgements.groups();
  const { headline, scores: figures } = await figuresOf(groups, profile.score);
  const scores: Scores = {
    title: benchmark.title,
    ...record,
    headline,
    scores: figures,
    groups: groups.length,
    drawn: groups.flat().filter(({ drawn }) => drawn).length,
    undecodable: judgements.undecodable,
    failed: judgements.failed,
    bootstrap: { resamples: RESAMPLES, seed: BOOTSTRAP_SEED },
    versions: {
      vqrae: packageJson.version,
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
    },
    finished: new Date().toISOString(),
  };
  await writeWhole(join(folder, "judgements.jsonl"), judgementLines(groups));
  await writeJson(join(folder, "scores.json"), scores);
  await writeWhole(join(folder, "report.html"), runPage(scores, failures));
  return scores;
}

/** A line a question, with the number of its group. */
const judgementLines = (groups: readonly Group[]): string =>
  groups.flatMap((group, i) => group.map((judged) => `${JSON.stringify({ group: i, ...judged })}\n`)).join("");
