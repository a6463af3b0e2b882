/** Uses every part that could reach the network, each on what ships: load, encode, decode, ask, generate, serve. */
import { fileURLToPath } from "node:url";
import { loadGenerator } from "../../../adapters/generation/index.ts";
import { loadVlm } from "../../../adapters/llama-cpp/index.ts";
import { createEndpoint, listen } from "../../../adapters/openai/index.ts";
import { probeDevices, VQRAE } from "../../../sdk/index.ts";

const image = fileURLToPath(new URL("../../../examples/images/cat.jpg", import.meta.url));
/** The telemetry that is looked for begins a while after the first session. */
const WHILE_MS = 3000;

const tokenizer = await VQRAE.load("default");
const { ids } = await tokenizer.encode(image, { ids: true });
await tokenizer.decode(ids);
await tokenizer.dispose();
const classifier = await VQRAE.load("deit-tiny");
await classifier.classify(image);
await classifier.dispose();
const vlm = await loadVlm("default");
await vlm.ask(image, "What animal is this?", { maxTokens: 4 });
const generator = await loadGenerator();
await generator.generateImages("a red triangle", { seed: 1 });
await probeDevices();
const server = await listen(await createEndpoint({ languageModels: [vlm] }), { host: "127.0.0.1", port: 0 });
const models = await fetch(`${server.url}/v1/models`);
await new Promise((resolve) => setTimeout(resolve, WHILE_MS));
await server.close();
await generator.dispose();
await vlm.dispose();
process.stdout.write(`${models.status}\n`);
