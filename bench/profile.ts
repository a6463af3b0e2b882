/**
 * Where an encoder's time goes, by operator, as onnxruntime's own profiler counts it:
 *
 *   node bench/profile.ts <model> [--threads 1] [--runs 20] [--prepack]
 *
 * fp32 and int8 side by side. Profiling adds a little to every node; the shares matter, not the sums.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as onnxruntime from "onnxruntime-node";
import { environment } from "../scripts/lib/environment.ts";
import { findCheckpoint } from "../sdk/families/find-checkpoint.ts";
import { readModel } from "../sdk/families/read-model.ts";
import { buildEncoderGraph } from "../sdk/nn/vit/encoder.ts";
import { fusedAttention } from "../sdk/runtime/devices/providers.ts";
import { makeInt8 } from "../sdk/runtime/made-weights/make-weights.ts";
import { productsSaturate } from "../sdk/runtime/sessions/saturation.ts";
import { sessionOptions } from "../sdk/runtime/sessions/sessions.ts";

const { values, positionals } = parseArgs({
  options: {
    threads: { type: "string", default: "1" },
    runs: { type: "string", default: "20" },
    prepack: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const [source = "default"] = positionals;
const runs = Number(values.runs);
const threads = Math.min(Number(values.threads), availableParallelism());
const saturates = await productsSaturate(onnxruntime);
const work = await mkdtemp(join(tmpdir(), "vqrae-profile-"));

interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

/** Milliseconds a run, by operator. */
async function profile(
  encoder: Parameters<typeof buildEncoderGraph>[0]["encoder"],
  precision: "fp32" | "int8",
): Promise<Map<string, number>> {
  const graph = buildEncoderGraph({ encoder, features, quantizer: null }, { fusedAttention: fusedAttention.cpu });
  const { patchSize, maxPatches } = encoder;
  const width = 3 * patchSize * patchSize;
  const patches = Float32Array.from({ length: maxPatches * width }, (_, i) => Math.sin(i * 12.9898) * 1.7);
  const feeds = { patches: new onnxruntime.Tensor("float32", patches, [maxPatches, width]) };
  const setup = { device: "cpu", threads, prepack: values.prepack } as const;
  const options = sessionOptions(graph, setup, precision === "int8" && saturates);
  const tracing = { enableProfiling: true, profileFilePrefix: join(work, "trace") };
  const session = await onnxruntime.InferenceSession.create(graph.bytes, { ...options, ...tracing });
  for (let i = 0; i < runs; i++) await session.run(feeds, ["features"]);
  session.endProfiling();
  await session.release();
  const trace = join(work, (await readdir(work)).find((name) => name.startsWith("trace"))!);
  const events: TraceEvent[] = JSON.parse(await readFile(trace, "utf8"));
  await rm(trace);
  const totals = new Map<string, number>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const operator = args.op_name ?? name;
    totals.set(operator, (totals.get(operator) ?? 0) + dur / 1000 / runs);
  }
  return totals;
}

const { modelId, tower } = await readModel(await findCheckpoint(source));
if (tower === null) throw new Error(`${source} is no vision transformer`);
const { spec, features } = tower;
const int8 = await makeInt8(spec, join(work, "weights"), {
  report: () => {},
  signal: new AbortController().signal,
});
const [fp32Times, int8Times] = [await profile(spec, "fp32"), await profile(int8, "int8")];
const sum = (times: Map<string, number>) => [...times.values()].reduce((a, b) => a + b, 0);
const operators = [...new Set([...fp32Times.keys(), ...int8Times.keys()])].sort(
  (a, b) => (int8Times.get(b) ?? 0) + (fp32Times.get(b) ?? 0) - (int8Times.get(a) ?? 0) - (fp32Times.get(a) ?? 0),
);
console.log(
  `${await environment()}; ${threads} threads; ${modelId}; ${runs} runs, weights ${values.prepack ? "" : "not "}prepacked\n`,
);
console.log("| operator | fp32 | share | int8 | share |\n| --- | --- | --- | --- | --- |");
const cells = (times: Map<string, number>, operator: string): string[] => {
  const ms = times.get(operator);
  return ms === undefined ? ["", ""] : [`${ms.toFixed(2)} ms`, `${((100 * ms) / sum(times)).toFixed(1)} %`];
};
for (const operator of operators)
  console.log(`| ${[operator, ...cells(fp32Times, operator), ...cells(int8Times, operator)].join(" | ")} |`);
console.log(`| all | ${sum(fp32Times).toFixed(2)} ms | | ${sum(int8Times).toFixed(2)} ms | |`);
await rm(work, { recursive: true, force: true });
