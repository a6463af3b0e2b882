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
  /** What the user's message says; with the numbers of its images, where a case has some. */
  readonly prompts: readonly (string | readonly (string | number)[])[];
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
      const prompts = cases.map((one) =>
        joined(profile.prompt({ ocrTokens: ["ocr"], ...one.question, images: imagesOf(one) })),
      );
      return [name, { judged, prompts, metrics: profile.score([...groups.values()]) }];
    }),
  );
}

const imagesOf = ({ images = 0 }: Case) =>
  Array.from({ length: images }, (_, i) => ({ at: `image ${i + 1}`, bytes: async () => new Uint8Array() }));

/** Without borders between texts. */
function joined(prompt: ReturnType<Profile["prompt"]>): string | (string | number)[] {
  if (typeof prompt === "string") return prompt;
  const parts: (string | number)[] = [];
  for (const part of prompt) {
    const last = parts.at(-1);
    if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
    else parts.push(part);
  }
  return parts;
}
