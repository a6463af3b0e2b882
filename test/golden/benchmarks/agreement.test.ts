import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { type Benchmark, benchmarks, type Metrics } from "../../../adapters/benchmarks/index.ts";
import type { Case } from "./case-maker.ts";
import { scoreCases } from "./score-cases.ts";

/** No harness has these; captions/ compares what scores flickr8k's. */
const AUTHORS_ALONE = ["flickr8k", "daquar", "easy-vqa", "nlvr"];

const file = (name: string, of: string) => new URL(`${name}/${of}.json`, import.meta.url);
const read = async (name: string, of: string) => JSON.parse(await readFile(file(name, of), "utf8"));

interface Reference {
  readonly scores: readonly number[];
  readonly parsed: readonly (string | null)[] | null;
  readonly metrics: Metrics;
  readonly prompts: readonly (string | readonly (string | number)[] | null)[] | null;
}

async function compared(benchmark: Benchmark) {
  const { cases }: { cases: readonly Case[] } = await read(benchmark.name, "cases");
  const { results }: { results: Readonly<Record<string, Reference>> } = await read(benchmark.name, "reference");
  const scored = scoreCases(benchmark, cases);
  return {
    name: benchmark.name,
    profiles: Object.entries(results).map(([profile, reference]) => ({
      profile,
      cases,
      own: scored[profile],
      reference,
    })),
  };
}

const there = benchmarks.filter(({ name }) => existsSync(file(name, "cases")));

it("every benchmark that a harness has is compared", () => {
  expect(benchmarks.filter((one) => !there.includes(one)).map(({ name }) => name)).toEqual(AUTHORS_ALONE);
});

/** Answers, and what the harnesses' own functions made of them: make-cases.ts and reference.py. */
describe.each(await Promise.all(there.map(compared)))("$name is scored as the harnesses score it", ({ profiles }) => {
  it("under at least two profiles", () => expect(profiles.length).toBeGreaterThan(1));

  it.each(profiles)("$profile", ({ cases, own, reference }) => {
    expect(own?.judged.length).toBe(reference.scores.length);
    for (const [i, judged] of (own?.judged ?? []).entries()) {
      const answer = JSON.stringify(cases[i]);
      expect(judged.score, answer).toBeCloseTo(reference.scores[i] ?? Number.NaN, 9);
      // Open answers of MMMU are sets of values; their scores are compared.
      const parsed = reference.parsed?.[i];
      if (parsed && !judged.drawn) expect(judged.parsed, answer).toBe(parsed);
    }
    for (const [i, prompt] of (reference.prompts ?? []).entries()) {
      if (prompt !== null) expect(own?.prompts[i]).toEqual(prompt);
    }
    for (const [figure, value] of Object.entries(reference.metrics)) {
      expect(own?.metrics[figure], figure).toBeCloseTo(value, 9);
    }
  });
});
