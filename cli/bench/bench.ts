import { join } from "node:path";
import {
  type Benchmark,
  benchmarks,
  compareRuns,
  type RunProgress,
  runBenchmark,
  scoreText,
  testSentences,
} from "../../adapters/benchmarks/index.ts";
import { expected } from "../../sdk/kit.ts";
import { cliCommand, usageErrorMend } from "../command/command.ts";
import { wholeNumber } from "../command/values.ts";
import { Progress } from "../shared/progress.ts";
import { type BenchModelArgs, benchModelArgs, withBenchModel } from "../vlm/with-any-vlm.ts";

const names = benchmarks.map(({ name }) => name);

export const bench = cliCommand({
  name: "bench",
  description: "Score a vision language model on a published benchmark, resumably, and compare two runs",
  args: {
    benchmark: {
      type: "positional",
      required: true,
      description: `One of ${names.join(", ")}; with --compare, the second results folder`,
    },
    data: { type: "string", valueHint: "path", description: "The benchmark's files, as published: a file or a folder" },
    images: {
      type: "string",
      valueHint: "folder",
      description: "Its images, where they do not lie beside the questions",
    },
    profile: {
      type: "string",
      valueHint: "lmms-eval|vlmevalkit|official",
      description: "Whose prompt, parser and formula (default: the benchmark's first)",
    },
    out: { type: "string", default: "results", valueHint: "folder", description: "Where results folders are made" },
    concurrency: { type: "string", default: "1", valueHint: "count", description: "Questions asked at a time" },
    limit: { type: "string", valueHint: "count", description: "Only the first questions, with those scored together" },
    "keep-going": { type: "boolean", description: "Count a question on which the model fails as wrong and go on" },
    compare: { type: "string", valueHint: "folder", description: "The first results folder of two to compare" },
    ...benchModelArgs,
  },
  examples: [
    "vqrae bench easy-vqa --data easy_vqa/data/test --out results",
    "vqrae bench pope --data POPE.tsv --profile vlmevalkit --endpoint http://127.0.0.1:8080/v1 --endpoint-model llava",
    "vqrae bench --compare results/pope-official-a results/pope-official-b",
  ],
  async run({ benchmark, compare, json, ...args }) {
    if (compare !== undefined) return comparison(compare, benchmark, args.out, json);
    await measure(benchmarkOf(benchmark), args, json);
  },
});

interface MeasureArgs extends BenchModelArgs {
  readonly data?: string | undefined;
  readonly images?: string | undefined;
  readonly profile?: string | undefined;
  readonly out: string;
  readonly concurrency: string;
  readonly limit?: string | undefined;
  readonly "keep-going"?: boolean | undefined;
}

async function measure(benchmark: Benchmark, args: MeasureArgs, json: boolean | undefined): Promise<void> {
  const { data, images, out } = args;
  if (data === undefined) {
    const mend = `${benchmark.about}.`;
    throw expected("INVALID_ARGUMENT", "--data", `vqrae bench ${benchmark.name}`, undefined, mend);
  }
  const { profile } = args;
  if (profile !== undefined && !Object.hasOwn(benchmark.profiles, profile)) {
    const profiles = Object.keys(benchmark.profiles).join(", ");
    throw expected("INVALID_ARGUMENT", `one of ${profiles}`, `--profile of ${benchmark.name}`, profile);
  }
  const limit = args.limit === undefined ? undefined : wholeNumber("--limit", args.limit, 1);
  const concurrency = wholeNumber("--concurrency", args.concurrency, 1);
  const progress = new Progress({ verbose: args.verbose });
  const { folder, scores } = await withBenchModel(args, async (model) => {
    try {
      return await runBenchmark(benchmark, {
        model,
        data: { path: data, images },
        out,
        concurrency,
        limit,
        profile,
        onModelError: args["keep-going"] ? "count" : "stop",
        onProgress: (state) => progress.say(progressText(benchmark, state)),
      });
    } finally {
      progress.end();
    }
  });
  if (json) {
    process.stdout.write(`${JSON.stringify({ folder, ...scores })}\n`);
    return;
  }
  const { title, protocol, undecodable, failed, drawn } = scores;
  const lines = [
    `${title}, profile ${scores.profile}, ${scores.model}, ${scores.questions} questions`,
    `  prompt   ${protocol.prompt}`,
    `  parser   ${protocol.parser}`,
    `  formula  ${protocol.formula}`,
    ...Object.entries(scores.scores).map(([name, score]) => `${scoreText(score).padStart(26)}  ${name}`),
    ...(drawn > 0 ? [`${drawn} answers named no letter: one was drawn, as the harness does`] : []),
    ...(undecodable.length > 0
      ? [`${undecodable.length} images could not be read, counted as wrong: see scores.json`]
      : []),
    ...(failed.length > 0 ? [`The model failed on ${failed.length}, counted as wrong: see scores.json`] : []),
    join(folder, "report.html"),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function comparison(first: string, second: string, out: string, json: boolean | undefined): Promise<void> {
  const page = join(out, "comparison.html");
  const compared = await compareRuns(first, second, { page });
  if (json) {
    process.stdout.write(`${JSON.stringify(compared)}\n`);
    return;
  }
  const [one, other] = compared.runs;
  const lines = [
    `${compared.title}, profile ${one.profile}: ${one.model} and ${other.model}`,
    ...Object.entries(compared.scores).map(([name, scores]) => {
      const [left, right] = scores.map((score) => scoreText(score).padStart(26));
      return `${left}${right}  ${name}`;
    }),
    ...testSentences(compared),
    page,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function progressText({ title }: Benchmark, { phase, done, total }: RunProgress): string {
  return phase === "asking" ? `${title}: ${done} of ${total} answers` : `${title}: ${phase}`;
}

function benchmarkOf(name: string): Benchmark {
  const found = benchmarks.find((benchmark) => benchmark.name === name);
  if (found) return found;
  const mend = usageErrorMend("vqrae bench");
  throw expected("INVALID_ARGUMENT", `one of ${names.join(", ")}`, "the benchmark", name, mend);
}
