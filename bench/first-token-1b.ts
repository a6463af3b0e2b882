/**
 * The first word of a question about an image, from a cold process, against llama-mtmd-cli with the same two files; prints a table of
 * docs/speed.md:
 *
 *   npm run build
 *   node bench/first-token-1b.ts $(dirname $(node scripts/llama-server/build-mtmd.ts))/llama-mtmd-cli [--rounds 3] [--layers 30]
 *
 * A language model of a thousand million random numbers in F16 and an InternViT-300M in F16. The sides run in turn, one word each. A time is
 * of the whole process. Both compute in two threads, and llama.cpp's warm-up is off.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { environment } from "../scripts/lib/environment.ts";
import { growMmproj } from "./lib/grown-mmproj.ts";
import { writeRepeatedLlm } from "./lib/repeated-llm.ts";
import { timeInTurn, timeProcess, timesTable } from "./lib/time-process.ts";

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    layers: { type: "string", default: "30" },
    blocks: { type: "string", default: "24" },
  },
  allowPositionals: true,
});
const [rival] = positionals;
if (!rival) throw new Error("Expected the path of llama-mtmd-cli.");
const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const [WIDTH, SIDE] = [2048, 448];

const folder = await mkdtemp(join(tmpdir(), "vqrae-first-token-"));
try {
  const [llm, mmproj, photo] = ["llm.gguf", "mmproj.gguf", "photo.png"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeRepeatedLlm(llm, { width: WIDTH, layers: Number(values.layers) });
  await growMmproj(here("test/golden/mmproj/internvl-f32.gguf"), mmproj, "F16", {
    ...{ width: 1024, mlpWidth: 4096, heads: 16, blocks: Number(values.blocks), patchSize: 14, imageSize: SIDE },
    ...{ positions: 1025, outputDim: WIDTH },
  });
  await sharp(here("examples/images/cat.jpg")).resize(SIDE, SIDE, { fit: "fill" }).toFile(photo);
  const question = "what is in the image?";
  const own = [here("dist/cli.js"), "ask", photo, question, "--llm", llm, "--mmproj", mmproj];
  const asked = [...own, "--threads", "2", "--max-tokens", "1", "--cache-dir", join(folder, "cache")];
  const files = ["-m", llm, "--mmproj", mmproj, "--image", photo, "-p", question];
  const theirs = [...files, "-n", "1", "-t", "2", "-c", "2048", "--temp", "0", "--no-warmup"];
  const sides = {
    "llama-mtmd-cli": () => timeProcess(rival, theirs),
    "vqrae ask": () => timeProcess(process.execPath, asked),
    "vqrae ask, int8": () => timeProcess(process.execPath, [...asked, "--precision", "int8"]),
  };
  const found = await timeInTurn(sides, Number(values.rounds)); // the first makes what is kept of the weights
  console.log(`${await environment("onnxruntime-node", "node-llama-cpp")}; ${values.rounds} rounds\n`);
  console.log(timesTable(found, { whole: "one word", processor: "processor time" }));
} finally {
  await rm(folder, { recursive: true });
}
