import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { benchmarks } from "../../../adapters/benchmarks/index.ts";
import type { Case } from "./case-maker.ts";
import { scoreCases } from "./score-cases.ts";

/** POPE, until its answers lie in a folder of its name. */
const read = async (name: string) => JSON.parse(await readFile(new URL(name, import.meta.url), "utf8"));
const tasks: readonly { benchmark: string; cases: Case[] }[] = await read("cases.json");
const { results } = (await read("reference.json")) as {
  results: Record<
    string,
    {
      scores: number[];
      parsed: (string | null)[] | null;
      metrics: Record<string, number>;
      prompts: (string | null)[] | null;
    }
  >;
};

describe.each(tasks)("$benchmark is scored as the harnesses score it", ({ benchmark: name, cases }) => {
  const benchmark = benchmarks.find((one) => one.name === name)!;
  const compared = Object.entries(scoreCases(benchmark, cases)).filter(([profile]) => results[`${name} ${profile}`]);

  it("under at least two profiles", () => expect(compared.length).toBeGreaterThan(1));

  it.each(compared)("%s", (profile, { judged, metrics, prompts }) => {
    const reference = results[`${name} ${profile}`]!;
    for (const [i, own] of judged.entries()) {
      const answer = JSON.stringify(cases[i]);
      expect(own.score, answer).toBeCloseTo(reference.scores[i]!, 9);
      // Open answers of MMMU are sets of values; their scores are compared.
      const parsed = reference.parsed?.[i];
      if (parsed && !own.drawn) expect(own.parsed, answer).toBe(parsed);
    }
    for (const [i, prompt] of (reference.prompts ?? []).entries()) if (prompt !== null) expect(prompts[i]).toBe(prompt);
    for (const [figure, value] of Object.entries(reference.metrics))
      expect(metrics[figure], figure).toBeCloseTo(value, 9);
  });
});
