import type { VisionLanguageModel } from "../../adapters/benchmarks/index.ts";
import { LlamaServer, serverModel } from "../../adapters/llama-cpp/carrier/index.ts";
import { openAiModel } from "../../adapters/openai-client/index.ts";
import { loadProjector, VQRAE } from "../../sdk/index.ts";
import { expected } from "../../sdk/kit.ts";
import { type VlmArgs, vlmArgs, withVlm } from "./with-vlm.ts";

/** Where the model is that answers: in this process by default. */
export const benchModelArgs = {
  ...vlmArgs,
  server: {
    type: "string",
    valueHint: "url",
    description: "A llama-server with a carrier's mmproj; goes with --projector and --model",
  },
  endpoint: {
    type: "string",
    valueHint: "url",
    description:
      "An endpoint of OpenAI's protocol, such as http://127.0.0.1:8080/v1; its key is read from OPENAI_API_KEY",
  },
  "endpoint-model": { type: "string", valueHint: "name", description: "The model's name at the endpoint" },
} as const;

export interface BenchModelArgs extends VlmArgs {
  readonly server?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly "endpoint-model"?: string | undefined;
}

/** Opens the model that the arguments name, hands it to `use` and closes it. */
export async function withBenchModel<T>(
  args: BenchModelArgs,
  use: (model: VisionLanguageModel) => Promise<T>,
): Promise<T> {
  if (args.endpoint !== undefined) return use(endpointModel(args));
  if (args.server === undefined) return withVlm("bench", args, use);
  if (args.projector === undefined) {
    const mend = "Name the projector that belongs to the server's model, and its encoder with --model.";
    throw expected("INVALID_ARGUMENT", "--projector", "--server", undefined, mend);
  }
  const server = await LlamaServer.connect(args.server);
  const tokenizer = await VQRAE.load(args.model, { projector: await loadProjector(args.projector) });
  try {
    return await use(serverModel(server, tokenizer));
  } finally {
    await tokenizer.dispose();
  }
}

function endpointModel({ endpoint, "endpoint-model": model }: BenchModelArgs): VisionLanguageModel {
  if (model === undefined) throw expected("INVALID_ARGUMENT", "--endpoint-model", "--endpoint", undefined);
  return openAiModel({ baseUrl: endpoint!, model, apiKey: process.env.OPENAI_API_KEY });
}
