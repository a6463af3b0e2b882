import { type ImageGenerator, loadGenerator } from "../../adapters/generation/index.ts";
import type { Vlm } from "../../adapters/llama-cpp/index.ts";
import { createEndpoint, type Listening, listen } from "../../adapters/openai/index.ts";
import { cliCommand } from "../command/command.ts";
import { gpuOf, wholeNumber } from "../command/values.ts";
import { vlmArgs, withVlm } from "../vlm/with-vlm.ts";

const MAX_PORT = 65_535;
const MAX_PARALLEL = 64;

export const serve = cliCommand({
  name: "serve",
  description: "Serve the models to OpenAI's clients, and a chat page to people",
  args: {
    host: { type: "string", default: "127.0.0.1", valueHint: "address", description: "Where to listen" },
    port: { type: "string", default: "8080", valueHint: "number", description: "0 takes a free one" },
    ui: { type: "boolean", description: "Serve the chat page at /" },
    parallel: { type: "string", default: "2", valueHint: "count", description: "Answers at a time; others wait" },
    generator: {
      type: "string",
      default: "default",
      valueHint: "file.gguf|off",
      description: "The image generator (default: the small one that ships)",
    },
    "allow-remote": { type: "boolean", description: "Fetch images from http(s) URLs of public addresses" },
    "api-key": {
      type: "string",
      valueHint: "key",
      description: "What clients must send; better in the environment as VQRAE_API_KEY",
    },
    ...vlmArgs,
    "max-pixels": {
      type: "string",
      default: "25000000",
      valueHint: "count",
      description: "Refuse an image with more pixels",
    },
  },
  examples: [
    "vqrae serve --ui",
    "vqrae serve --port 9000 --parallel 4 --generator off",
    "VQRAE_API_KEY=secret vqrae serve --host 0.0.0.0",
  ],
  async run({ json, ...args }) {
    const port = wholeNumber("--port", args.port, 0, MAX_PORT);
    const parallel = wholeNumber("--parallel", args.parallel, 1, MAX_PARALLEL);
    const apiKey = args["api-key"] ?? process.env.VQRAE_API_KEY;
    const serveVlm = async (vlm: Vlm) => {
      const generator = await openGenerator(args.generator, args.gpu, vlm);
      const endpoint = await createEndpoint({
        languageModels: [vlm],
        imageModels: generator ? [generator] : [],
        tokenizers: [vlm.tokenizer],
        allowRemoteImages: args["allow-remote"] ?? false,
        ui: args.ui ?? false,
        parallel,
        ...(apiKey && { apiKey }),
        onError: (error) => process.stderr.write(`${error instanceof Error ? error.stack : error}\n`),
      });
      const server = await listen(endpoint, { host: args.host, port });
      const models = [vlm.modelId, ...(generator ? [generator.info.modelId] : []), vlm.tokenizer.info.modelId];
      if (json) process.stdout.write(`${JSON.stringify({ url: server.url, models })}\n`);
      else process.stderr.write(`Listening on ${server.url} (${models.join(", ")}); Ctrl-C ends.\n`);
      await closedBySignal(server);
      await generator?.dispose();
    };
    await withVlm("serve", args, serveVlm, { sequences: parallel });
  },
});

async function openGenerator(file: string, gpu: string, vlm: Vlm): Promise<ImageGenerator | null> {
  if (file === "off") return null;
  const source = file === "default" ? file : { llm: file, tokenizer: vlm.tokenizer };
  return loadGenerator(source, { gpu: gpuOf(gpu) });
}

/** The first signal lets running answers end, the second one ends the process as it always does. */
function closedBySignal(server: Listening): Promise<void> {
  return new Promise((resolve) => {
    const close = () => void server.close().then(resolve);
    process.once("SIGINT", close);
    process.once("SIGTERM", close);
  });
}
