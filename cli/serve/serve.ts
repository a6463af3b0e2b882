import type { ImageGenerator } from "../../adapters/generation/index.ts";
import type { Vlm } from "../../adapters/llama-cpp/index.ts";
import type { Listening } from "../../adapters/openai/index.ts";
import type { VQRAE } from "../../sdk/index.ts";
import { setFields } from "../../sdk/kit.ts";
import { defineCommand } from "../command/command.ts";
import { flag, option } from "../command/option.ts";
import { text, wholeNumber, words } from "../command/value-types.ts";
import { batch } from "../generate/sampling-options.ts";
import { json } from "../shared/model-options.ts";
import { jsonText, printJson, say } from "../shared/terminal.ts";
import { type VlmArgs, vlmOptions, withVlm } from "../vlm/with-vlm.ts";

const MAX_PORT = 65_535;
const MAX_PARALLEL = 64;
/** Smaller than for images of your own: clients send these. */
const MAX_PIXELS = 25_000_000;

export const serve = defineCommand({
  arguments: {},
  options: {
    ui: flag("Serve the chat page at /"),
    host: option(text("address"), "Where to listen", { default: "127.0.0.1" }),
    allowHost: option(words("name,name"), "Names that clients may call it by, besides localhost and IP addresses"),
    port: option(wholeNumber("number", { most: MAX_PORT }), "The port. 0 takes a free one", { default: 8080 }),
    parallel: option(wholeNumber("count", { least: 1, most: MAX_PARALLEL }), "Answers at a time. Others wait", {
      default: 2,
    }),
    apiKey: option(text("key"), "What clients must send. Better set VQRAE_API_KEY in the environment"),
    cors: option(words("origin,origin"), "Web pages that may use it, such as https://chat.example.com. * is any page"),
    log: flag("Write a line of JSON for each request to stderr"),
    allowRemote: flag("Fetch images from http(s) URLs of public addresses"),
    generator: option(text("file.gguf|off"), "The image generator", {
      default: "default",
      shownDefault: "the small one that ships",
    }),
    batch,
    ...vlmOptions,
    maxPixels: option(wholeNumber("count", { least: 1 }), "Refuse an image with more pixels", {
      default: MAX_PIXELS,
      shownDefault: "25 million",
    }),
    json,
  },
  examples: [
    "vqrae serve --ui",
    "vqrae serve --port 9000 --parallel 4 --generator off",
    "vqrae serve --cors https://chat.example.com --log",
    "VQRAE_API_KEY=secret vqrae serve --host 0.0.0.0",
  ],
  async run(
    { ui, host, allowHost, port, parallel, cors, log, allowRemote, generator: llm, batch, json, ...args },
    name,
  ) {
    const { createEndpoint, listen } = await import("../../adapters/openai/index.ts");
    const apiKey = args.apiKey ?? process.env.VQRAE_API_KEY;
    const serveVlm = async (vlm: Vlm) => {
      const { generator, tokenizer } = await openGenerator({ llm, batch }, args, vlm);
      // The first one answers who names none: one with ids can do all.
      const isVlms = tokenizer === null || tokenizer.info.modelId === vlm.tokenizer.info.modelId;
      const tokenizers = isVlms ? [vlm.tokenizer] : [tokenizer, vlm.tokenizer];
      const endpoint = await createEndpoint({
        languageModels: [vlm],
        imageModels: generator ? [generator] : [],
        tokenizers,
        allowRemoteImages: allowRemote,
        ui,
        parallel,
        ...setFields({ apiKey: apiKey || undefined, cors }),
        ...(log && { onRequest: (request) => say(jsonText(request)) }),
        onError: (error) => say(String(error instanceof Error ? error.stack : error)),
      });
      const server = await listen(endpoint, { host, port, ...setFields({ allowedHosts: allowHost }) });
      const images = generator ? [generator.info.modelId] : [];
      const models = [vlm.modelId, ...images, ...tokenizers.map(({ info }) => info.modelId)];
      if (json) printJson({ url: server.url, models });
      else say(`Listening on ${server.url} (${models.join(", ")}). Press Ctrl-C to end.`);
      if (!apiKey && !isLoopback(host))
        say(`Whoever reaches ${server.url} can use it. Set VQRAE_API_KEY to a key that clients must send.`);
      await closedBySignal(server);
      await generator?.dispose();
      await tokenizer?.dispose();
    };
    await withVlm(name, args, serveVlm, { sequences: parallel });
  },
});

interface Opened {
  readonly generator: ImageGenerator | null;
  /** What the generator's ids are of, where that is not the VLM's tokenizer. */
  readonly tokenizer: VQRAE | null;
}

async function openGenerator(
  { llm, batch }: { readonly llm: string; readonly batch: "exact" | "always" },
  args: VlmArgs,
  vlm: Vlm,
): Promise<Opened> {
  const { gpu, precision, cacheDir, maxPixels, decoding } = args;
  if (llm === "off") return { generator: null, tokenizer: null };
  const { loadGenerator } = await import("../../adapters/generation/index.ts");
  if (llm !== "default" && vlm.tokenizer.info.codebook !== null) {
    return { generator: await loadGenerator({ llm, tokenizer: vlm.tokenizer }, { gpu, batch }), tokenizer: null };
  }
  const { VQRAE } = await import("../../sdk/index.ts");
  const tokenizer = await VQRAE.load("default", setFields({ precision, cacheDir, maxPixels, decoding }));
  try {
    return { generator: await loadGenerator({ llm, tokenizer }, { gpu, batch }), tokenizer };
  } catch (error) {
    await tokenizer.dispose();
    throw error;
  }
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || host.startsWith("127.");

/** The first signal lets running answers end. The second one ends the process, as it always does. */
function closedBySignal(server: Listening): Promise<void> {
  return new Promise((resolve) => {
    const close = () => void server.close().then(resolve);
    process.once("SIGINT", close);
    process.once("SIGTERM", close);
  });
}
