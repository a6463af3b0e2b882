import type { VisionLanguageModel } from "../../adapters/benchmarks/index.ts";
import { LlamaServer, serverModel } from "../../adapters/llama-cpp/carrier/index.ts";
import { openAiModel } from "../../adapters/openai-client/index.ts";
import { loadProjector } from "../../sdk/index.ts";
import { expected } from "../../sdk/kit.ts";
import { option, type Values } from "../command/option.ts";
import { text } from "../command/value-types.ts";
import { withTokenizer } from "../shared/with-tokenizer.ts";
import { vlmOptions, withVlm } from "./with-vlm.ts";

/** What commands take that ask a vision language model, wherever it runs. */
export const anyVlmOptions = {
  endpoint: option(
    text("url"),
    "Ask an endpoint of OpenAI's protocol, such as http://127.0.0.1:8080/v1. Its key is read from OPENAI_API_KEY",
  ),
  endpointModel: option(text("name"), "The model's name at the endpoint"),
  server: option(text("url"), "Ask a llama-server with a carrier's mmproj. Needs --projector, and --model"),
  ...vlmOptions,
};

type AnyVlmArgs = Values<typeof anyVlmOptions>;

/** Opens the model that the options name, hands it to `use`, and closes it when `use` ends or fails. */
export async function withAnyVlm<T>(
  command: string,
  args: AnyVlmArgs,
  use: (model: VisionLanguageModel) => Promise<T>,
): Promise<T> {
  const { endpoint, endpointModel, server, projector } = args;
  if (endpoint !== undefined) {
    if (endpointModel === undefined) throw expected("INVALID_ARGUMENT", "--endpoint-model", "--endpoint", undefined);
    return use(openAiModel({ baseUrl: endpoint, model: endpointModel, apiKey: process.env.OPENAI_API_KEY }));
  }
  if (server === undefined) return withVlm(command, args, use);
  if (projector === undefined) {
    const mend = "Name the projector that belongs to the server's model, and its encoder with --model.";
    throw expected("INVALID_ARGUMENT", "--projector", "--server", undefined, mend);
  }
  const connected = await LlamaServer.connect(server);
  const loaded = await loadProjector(projector);
  return withTokenizer(args, (tokenizer) => use(serverModel(connected, tokenizer)), { projector: loaded });
}
