/**
 * Runs a benchmark on a model and prints its figures; stop it whenever you like, it goes on where it was:
 *
 *   node run.js easy-vqa sample                                    the small model that ships, on twelve questions
 *   node run.js pope POPE.tsv model.gguf mmproj.gguf               a VLM of your own; or a folder, or hf:owner/repo
 *   node run.js pope POPE.tsv http://127.0.0.1:8080/v1 llava       any model behind an endpoint of OpenAI's protocol
 */
import { benchmarks, runBenchmark } from "vqrae/benchmarks";
import { loadVlm } from "vqrae/llama-cpp";
import { openAiModel } from "vqrae/openai-client";

const [name, data, source = "default", second] = process.argv.slice(2);
const isEndpoint = /^https?:/.test(source);
const benchmark = benchmarks.find((one) => one.name === name);
if (!benchmark || !data) {
  console.error(`node run.js <benchmark> <data> [<model> [<mmproj>] | <endpoint> <model>]\n`);
  for (const one of benchmarks) console.error(`${one.name.padEnd(10)} ${one.about}`);
  process.exit(1);
}

const stop = new AbortController();
process.once("SIGINT", () => stop.abort(new Error("Stopped: the next run goes on from here.")));

const model = isEndpoint
  ? openAiModel({ baseUrl: source, model: second, apiKey: process.env.OPENAI_API_KEY })
  : await loadVlm(source, { mmproj: second });
try {
  for (const profile of Object.keys(benchmark.profiles)) {
    const { folder, scores } = await runBenchmark(benchmark, {
      model,
      profile,
      data: { path: data },
      out: "results",
      concurrency: isEndpoint ? 4 : 1,
      signal: stop.signal,
      onProgress: ({ phase, done, total }) => process.stderr.write(`\r${profile}: ${phase} ${done} of ${total} `),
    });
    const { value, low, high } = scores.scores[scores.headline];
    console.log(
      `\n${scores.title}, ${profile}: ${scores.headline} ${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`,
    );
    console.log(`  ${scores.protocol.parser}\n  ${folder}/report.html`);
  }
} finally {
  await model[Symbol.asyncDispose]();
}
