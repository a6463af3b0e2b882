import type { LLamaChatGenerateResponseOptions } from "node-llama-cpp";
import { expected } from "../../../sdk/kit.ts";
import type { VlmOptions } from "../../vision-language-model.ts";

/** Tokens of an answer where nothing else is asked for. */
export const DEFAULT_MAX_TOKENS = 512;
const SEEDS = 2 ** 32;

const checks: readonly { name: keyof VlmOptions; what: string; holds: (value: unknown) => boolean }[] = [
  { name: "maxTokens", what: "a whole number from 1", holds: (value) => isInteger(value) && value >= 1 },
  { name: "temperature", what: "a number from 0", holds: (value) => Number.isFinite(value) && (value as number) >= 0 },
  { name: "topK", what: "a whole number from 0", holds: (value) => isInteger(value) && value >= 0 },
  {
    name: "topP",
    what: "a number above 0, at most 1",
    holds: (value) => (value as number) > 0 && (value as number) <= 1,
  },
  { name: "seed", what: "a whole number", holds: isInteger },
  { name: "stop", what: "a list of texts that are not empty", holds: isTexts },
  { name: "jsonSchema", what: "a JSON schema", holds: (value) => typeof value === "object" && value !== null },
];

/** @throws INVALID_ARGUMENT */
export function checkOptions(options: VlmOptions): void {
  for (const { name, what, holds } of checks) {
    const value = options[name];
    if (value !== undefined && !holds(value)) throw expected("INVALID_ARGUMENT", what, `the option ${name}`, value);
  }
}

/** Sampling as node-llama-cpp takes it, without its penalty of what was said before: "likeliest" means just that. */
export function samplingOptions({ temperature = 0, topK, topP, seed, stop }: VlmOptions) {
  return {
    temperature,
    repeatPenalty: false,
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    // llama.cpp's seeds have 32 bits.
    ...(seed !== undefined && { seed: ((seed % SEEDS) + SEEDS) % SEEDS }),
    ...(stop !== undefined && stop.length > 0 && { customStopTriggers: [...stop] }),
  } satisfies LLamaChatGenerateResponseOptions;
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string" && text !== "");
}
