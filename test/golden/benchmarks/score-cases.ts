import {
  type Benchmark,
  groupInOrder,
  type Judged,
  type Metrics,
  type Profile,
} from "../../../adapters/benchmarks/index.ts";
import type { Case } from "./case-maker.ts";

export interface ScoredCases {
  readonly judged: readonly Judged[];
  readonly metrics: Metrics;
  /** What the user's message says, but for its images. */
  readonly prompts: readonly string[];
}

/** What each profile of a benchmark makes of answers, and its figures. */
export function scoreCases({ profiles }: Benchmark, cases: readonly Case[]): Record<string, ScoredCases> {
  return Object.fromEntries(
    Object.entries(profiles).map(([name, profile]) => {
      const judged = cases.map(({ question, prediction }): Judged => {
        const { id, answers, categories } = question;
        return { id, answers, categories, ...profile.judge({ ...question, images: [] }, prediction) };
      });
      const groupOf = new Map(cases.map(({ question: { id, group = id } }) => [id, group]));
      const groups = groupInOrder(judged, ({ id }) => groupOf.get(id));
      const prompts = cases.map(({ question }) => promptText(profile, question));
      return [name, { judged, prompts, metrics: profile.score([...groups.values()]) }];
    }),
  );
}

function promptText(profile: Profile, question: Case["question"]): string {
  const prompt = profile.prompt({ ocrTokens: ["ocr"], ...question, images: [] });
  return typeof prompt === "string" ? prompt : prompt.filter((part) => typeof part === "string").join("");
}
