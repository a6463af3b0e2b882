import type { VisionLanguageModel } from "../../adapters/benchmarks/index.ts";
import { LlamaServer, serverModel } from "../../adapters/llama-cpp/carrier/index.ts";
import { openVision, resolveVision, type VisionFiles } from "../../adapters/llama-cpp/index.ts";
import { openAiModel, vllmModel } from "../../adapters/openai-client/index.ts";
import type { VQRAE } from "../../sdk/index.ts";
import { expected, expectedBut, setFields } from "../../sdk/kit.ts";
import { option, type Values } from "../command/option.ts";
import { text } from "../command/value-types.ts";
import { loadReport } from "../shared/load-report.ts";
import { withProgress } from "../shared/progress.ts";
import { vlmOptions, withVlm } from "./with-vlm.ts";

/** What commands take that ask a vision language model, wherever it runs. */
export const anyVlmOptions = {
  endpoint: option(
    text("url"),
    "Ask an endpoint of OpenAI's protocol, such as http://127.0.0.1:8080/v1. Its key is read from OPENAI_API_KEY",
  ),
  endpointModel: option(text("name"), "The model's name at the endpoint"),
  vllm: option(
    text("url"),
    "Ask a vLLM server, such as http://127.0.0.1:8000/v1, with embeddings that this machine makes. Needs --endpoint-model, and " +
      "--encoder or --mmproj",
  ),
  server: option(text("url"), "Ask a llama-server with an mmproj. A carrier's needs --encoder and --projector too"),
  ...vlmOptions,
};

type AnyVlmArgs = Values<typeof anyVlmOptions>;

/** Opens the model that the options name, hands it to `use`, and closes it when `use` ends or fails. */
export async function withAnyVlm<T>(
  command: string,
  args: AnyVlmArgs,
  use: (model: VisionLanguageModel) => Promise<T>,
): Promise<T> {
  const { endpoint, endpointModel, vllm, server } = args;
  const apiKey = process.env.OPENAI_API_KEY;
  const named = (flag: string) => {
    if (endpointModel === undefined) throw expected("INVALID_ARGUMENT", "--endpoint-model", flag, undefined);
    return endpointModel;
  };
  if (endpoint !== undefined) return use(openAiModel({ baseUrl: endpoint, model: named("--endpoint"), apiKey }));
  if (vllm !== undefined) {
    const model = named("--vllm");
    const files = await visionFiles(args, "--vllm");
    return withEncoder(args, files, (tokenizer) => use(vllmModel({ baseUrl: vllm, model, apiKey, tokenizer })));
  }
  if (server === undefined) return withVlm(command, args, use);
  const connected = await LlamaServer.connect(
    server,
    setFields({ chatTemplate: args.chatTemplate, chatTemplateKwargs: args.chatTemplateKwargs }),
  );
  if (connected.info.takes === "images") {
    const { mmproj, encoder, projector } = args;
    if ((await resolveVision({ mmproj, encoder, projector })) === null) return use(serverModel(connected));
    const mend = "Leave them out, or start the server with the mmproj that `vqrae carrier` writes.";
    throw expectedBut("INVALID_ARGUMENT", "no vision parts", "a server with its model's own mmproj", "some", mend);
  }
  const files = await visionFiles(args, "--server");
  return withEncoder(args, files, (tokenizer) => use(serverModel(connected, tokenizer)));
}

/** The encoder and the projector of a model that a server runs. */
async function visionFiles({ mmproj, encoder, projector }: AnyVlmArgs, flag: string): Promise<VisionFiles> {
  const files = await resolveVision({ mmproj, encoder, projector });
  if (files !== null) return files;
  const mend = "Name the encoder and the projector that belong to the server's model.";
  throw expected("INVALID_ARGUMENT", "--encoder or --mmproj", flag, undefined, mend);
}

async function withEncoder<T>(args: AnyVlmArgs, files: VisionFiles, use: (tokenizer: VQRAE) => Promise<T>): Promise<T> {
  const { precision, cacheDir, maxPixels, decoding, maxImageTokens } = args;
  return withProgress(args, async (progress) => {
    const tokenizer = await openVision(files, {
      ...setFields({ precision, cacheDir, maxPixels, decoding, maxImageTokens }),
      onProgress: loadReport(progress, files.tokenizer),
    });
    try {
      return await use(tokenizer);
    } finally {
      await tokenizer.dispose();
    }
  });
}
