import { threadSetup, uninterrupted } from "../pool/exit-guard.ts";
import type { Jobs, WorkerSetup } from "../pool/protocol.ts";
import { serveJobs } from "../pool/serve-jobs.ts";
import { classify } from "./classify.ts";
import { beginDrawing, draw } from "./drawing.ts";
import { embed } from "./embed.ts";
import { codebook, codes, decode, decodeFeatures, encode, warmup } from "./graph-jobs.ts";
import { embedIds, predictIds } from "./id-head.ts";
import { importOnnxRuntime, Sessions } from "./sessions.ts";

/** A worker thread that runs the graphs, because onnxruntime-node's `run` blocks the thread that calls it. */
const setup = threadSetup<WorkerSetup>();

let opened: Promise<Sessions> | undefined;
const sessions = (): Promise<Sessions> => {
  opened ??= uninterrupted(() => importOnnxRuntime()).then((runtime) => new Sessions(runtime, setup));
  return opened;
};

serveJobs<Jobs>({
  async open({ graph }) {
    await (await sessions()).open(graph);
    return { output: null };
  },
  async warmup(input) {
    await warmup(await sessions(), setup, input);
    return { output: null };
  },
  async encode(input) {
    const output = await encode(await sessions(), setup, input);
    return { output, arrays: output.flatMap((image) => [image.features, image.classToken, image.ids]) };
  },
  async embed(input) {
    const output = await embed(await sessions(), setup, input);
    const segments = output.flatMap((image) => image.segments);
    return { output, arrays: segments.map((segment) => (segment.type === "text" ? undefined : segment.data)) };
  },
  async classify(input) {
    const output = await classify(await sessions(), setup, input);
    return { output, arrays: output };
  },
  async codes() {
    return { output: await codes(await sessions(), setup) };
  },
  async decode(input) {
    const output = await decode(await sessions(), setup, input);
    return { output, arrays: output.map((image) => image.data) };
  },
  async beginDrawing(input) {
    return { output: await beginDrawing(await sessions(), setup, input) };
  },
  async draw(input) {
    const output = await draw(input);
    return { output, arrays: [output] };
  },
  async decodeFeatures(input) {
    const output = await decodeFeatures(await sessions(), input);
    return { output, arrays: output };
  },
  async codebook(input) {
    const output = await codebook(await sessions(), input);
    return { output, arrays: [output] };
  },
  async embedIds(input) {
    const output = await embedIds(await sessions(), input);
    return { output, arrays: [output] };
  },
  async predictIds(input) {
    const output = await predictIds(await sessions(), input);
    return { output, arrays: [output] };
  },
});
