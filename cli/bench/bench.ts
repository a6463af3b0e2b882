import { join } from "node:path";
import {
  type Benchmark,
  benchmarks,
  compareRuns,
  findBenchmark,
  type RunProgress,
  runBenchmark,
  scoreText,
  testSentences,
} from "../../adapters/benchmarks/index.ts";
import { expected, expectedBut } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { argument, flag, option, type Values } from "../command/option.ts";
import { text, wholeNumber } from "../command/value-types.ts";
import { json } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { anyVlmOptions, withAnyVlm } from "../vlm/with-any-vlm.ts";

const names = benchmarks.map(({ name }) => name);

const options = {
  data: option(text("path"), "The benchmark's files as published: a file or a folder"),
  images: option(text("folder"), "Its images, if they are not beside the questions"),
  profile: option(text("name"), "Whose prompt, parser and formula: lmms-eval, lmms-eval-chat, vlmevalkit or official", {
    shownDefault: "the benchmark's first",
  }),
  out: option(text("folder"), "Where results folders are made", { default: "results" }),
  concurrency: option(wholeNumber("count", { least: 1 }), "Questions asked at a time", { default: 1 }),
  limit: option(
    wholeNumber("count", { least: 1 }),
    "Ask only so many questions, and those scored together with the last",
  ),
  keepGoing: flag("When the model fails on a question, count it as wrong and go on"),
  compare: option(text("folder"), "Compare the runs in two results folders: this one and <benchmark>"),
  module: option(text("file"), "With --compare, the file of your own benchmark"),
  ...anyVlmOptions,
  json,
};
type BenchArgs = Values<typeof options>;

export const bench = defineCommand({
  arguments: {
    benchmark: argument(
      `One of ${names.join(", ")}, or the file of your own. With --compare, the second results folder`,
    ),
  },
  options,
  notes: ["A run that was stopped goes on where it was: type the same line again."],
  examples: [
    "vqrae bench easy-vqa --data easy_vqa/data/test --out results",
    "vqrae bench pope --data POPE.tsv --profile vlmevalkit \\",
    "  --endpoint http://127.0.0.1:8080/v1 --endpoint-model llava",
    "vqrae bench ./skies.js --data ./skies",
    "vqrae bench --compare results/pope-official-a results/pope-official-b",
  ],
  async run({ benchmark, compare, module, ...args }, name) {
    if (compare === undefined) await measure(await findBenchmark(benchmark), args, name);
    else await comparison(compare, benchmark, { ...args, module });
  },
});

async function measure(benchmark: Benchmark, args: Omit<BenchArgs, "compare" | "module">, name: string): Promise<void> {
  const { data, images, out, concurrency, limit, profile, keepGoing, json } = args;
  if (data === undefined) {
    throw expectedBut("INVALID_ARGUMENT", "--data", `${name} ${benchmark.name}`, "nothing", `${benchmark.about}.`);
  }
  if (profile !== undefined && !Object.hasOwn(benchmark.profiles, profile)) {
    const profiles = Object.keys(benchmark.profiles).join(", ");
    throw expected("INVALID_ARGUMENT", `one of ${profiles}`, `--profile of ${benchmark.name}`, profile);
  }
  const { folder, scores } = await withAnyVlm(name, args, (model) =>
    withProgress(args, (progress) =>
      runBenchmark(benchmark, {
        model,
        data: { path: data, images },
        out,
        concurrency,
        limit,
        profile,
        onModelError: keepGoing ? "count" : "stop",
        onProgress: (state) => progress.say(progressText(benchmark, state)),
      }),
    ),
  );
  const { title, protocol, undecodable, failed, drawn } = scores;
  printResult(json, { folder, ...scores }, () => [
    `${title}, profile ${scores.profile}, ${scores.model}, ${scores.questions} questions`,
    `  prompt   ${protocol.prompt}`,
    `  parser   ${protocol.parser}`,
    `  formula  ${protocol.formula}`,
    ...Object.entries(scores.scores).map(([name, score]) => `${scoreText(score).padStart(26)}  ${name}`),
    ...(drawn > 0 ? [`${drawn} answers named no letter. One was drawn for each, as the harness does`] : []),
    ...(undecodable.length > 0
      ? [`${undecodable.length} images could not be read and count as wrong: see scores.json`]
      : []),
    ...(failed.length > 0
      ? [`The model failed on ${failed.length} questions, which count as wrong: see scores.json`]
      : []),
    join(folder, "report.html"),
  ]);
}

async function comparison(
  first: string,
  second: string,
  { out, module, json }: Pick<BenchArgs, "out" | "module" | "json">,
): Promise<void> {
  const page = join(out, "comparison.html");
  const benchmark = module === undefined ? undefined : await findBenchmark(module);
  const compared = await compareRuns(first, second, { benchmark, page });
  const [one, other] = compared.runs;
  printResult(json, compared, () => [
    `${compared.title}, profile ${one.profile}: ${one.model} and ${other.model}`,
    ...Object.entries(compared.scores).map(([name, scores]) => {
      const [left, right] = scores.map((score) => scoreText(score).padStart(26));
      return `${left}${right}  ${name}`;
    }),
    ...testSentences(compared),
    page,
  ]);
}

function progressText({ title }: Benchmark, { phase, done, total }: RunProgress): string {
  return phase === "asking" ? `${title}: ${done} of ${total} answers` : `${title}: ${phase}`;
}
