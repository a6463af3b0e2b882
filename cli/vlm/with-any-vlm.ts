import type { VisionLanguageModel } from "../../adapters/benchmarks/index.ts";
import { LlamaServer, serverModel } from "../../adapters/llama-cpp/carrier/index.ts";
import { openVision, resolveVision } from "../../adapters/llama-cpp/index.ts";
import { openAiModel } from "../../adapters/openai-client/index.ts";
import { expected, setFields } from "../../sdk/kit.ts";
import { option, type Values } from "../command/option.ts";
import { text } from "../command/value-types.ts";
import { withProgress } from "../shared/progress.ts";
import { vlmOptions, withVlm } from "./with-vlm.ts";

/** What commands take that ask a vision language model, wherever it runs. */
export const anyVlmOptions = {
  endpoint: option(
    text("url"),
    "Ask an endpoint of OpenAI's protocol, such as http://127.0.0.1:8080/v1. Its key is read from OPENAI_API_KEY",
  ),
  endpointModel: option(text("name"), "The model's name at the endpoint"),
  server: option(text("url"), "Ask a llama-server with a carrier's mmproj. Needs --encoder, and --projector"),
  ...vlmOptions,
};

type AnyVlmArgs = Values<typeof anyVlmOptions>;

/** Opens the model that the options name, hands it to `use`, and closes it when `use` ends or fails. */
export async function withAnyVlm<T>(
  command: string,
  args: AnyVlmArgs,
  use: (model: VisionLanguageModel) => Promise<T>,
): Promise<T> {
  const { endpoint, endpointModel, server } = args;
  if (endpoint !== undefined) {
    if (endpointModel === undefined) throw expected("INVALID_ARGUMENT", "--endpoint-model", "--endpoint", undefined);
    return use(openAiModel({ baseUrl: endpoint, model: endpointModel, apiKey: process.env.OPENAI_API_KEY }));
  }
  if (server === undefined) return withVlm(command, args, use);
  const { mmproj, encoder, projector, precision, cacheDir, maxPixels, maxImageTokens } = args;
  const files = await resolveVision({ mmproj, encoder, projector });
  if (files === null) {
    const mend = "Name the encoder and the projector that belong to the server's model.";
    throw expected("INVALID_ARGUMENT", "--encoder or --mmproj", "--server", undefined, mend);
  }
  const connected = await LlamaServer.connect(server);
  return withProgress(args, async (progress) => {
    const tokenizer = await openVision(files, {
      ...setFields({ precision, cacheDir, maxPixels, maxImageTokens }),
      onProgress: ({ phase }) => progress.say(`loading ${files.tokenizer}: ${phase}`),
    });
    try {
      return await use(serverModel(connected, tokenizer));
    } finally {
      await tokenizer.dispose();
    }
  });
}
