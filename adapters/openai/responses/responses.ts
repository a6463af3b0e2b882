import { randomUUID } from "node:crypto";
import { returnOf } from "../../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmOptions } from "../../vision-language-model.ts";
import { toTools } from "../chat/tools.ts";
import { parseLooseBody } from "../http/parse.ts";
import { namedEvents } from "../http/streams.ts";
import { type Call, defaultModel, now, type Route } from "../route.ts";
import { type Drawers, IMAGE_TOOL, imageFunction, imageToolOf, isImageTool } from "./image-tool.ts";
import { numbered, responseEvents, type Said } from "./response-events.ts";
import { endedResponse, messageOf, type OutputItem } from "./response-object.ts";
import { functionTool, type ResponsesRequest, responsesRequest } from "./responses-request.ts";
import type { StoredResponses } from "./stored-responses.ts";
import { appended, toConversation, toOptions } from "./to-conversation.ts";

/** POST /v1/responses */
export const responses =
  (models: ReadonlyMap<string, VisionLanguageModel>, drawers: Drawers, stored: StoredResponses): Route =>
  async (body, call) => {
    const request = await parseLooseBody(responsesRequest(call.limits), body, call.warn);
    if (request.text?.verbosity !== undefined) call.warn("text.verbosity has no effect here.");
    const model = defaultModel(models, request.model);
    const { tools, imageTool, drawsAtOnce } = toolsOf(request, { model, drawers }, call);
    const conversation = await toConversation(request, { model, stored }, call);
    const id = `resp_${hex()}`;
    const head = { id, itemId: `msg_${hex()}`, model: model.modelId, created: now(), request };
    const { instructions } = request;
    const messages =
      instructions === undefined ? conversation : [{ role: "system", content: instructions } as const, ...conversation];
    const onEnd = (answer: VlmAnswer, output: readonly OutputItem[]) => {
      call.used({ ...answer, model: drawsAtOnce && imageTool ? imageTool.drawer.info.modelId : model.modelId });
      const response = endedResponse(head, answer, output);
      if (request.store !== false) {
        const items = output.map((item) => [item.id, messageOf(item)] as const);
        stored.add(
          id,
          new Map(items),
          appended(
            conversation,
            items.map(([, message]) => message),
          ),
        );
      }
      return response;
    };
    const options = { ...toOptions(request, call), ...tools };
    const said = drawsAtOnce ? drawnAlone() : inTurn(model, messages, options, call);
    const all = responseEvents({ head, said, imageTool, conversation, onEnd, drawsAtOnce }, call);
    if (!request.stream) return { json: await returnOf(all) };
    // What fails before the first piece has a status of its own.
    const first = await all.next();
    return { events: numbered(first, all), form: namedEvents };
  };

const hex = (): string => randomUUID().replaceAll("-", "");

/**
 * What a response may call, and what it draws with. A model that calls tools decides when it draws. For another one the
 * request does: it draws where that is its only tool, and where it must.
 */
function toolsOf(
  { tools = [], tool_choice: choice = "auto", parallel_tool_calls: parallel }: ResponsesRequest,
  { model, drawers }: { readonly model: VisionLanguageModel; readonly drawers: Drawers },
  call: Call,
) {
  const asksToDraw = typeof choice === "object" && choice.type === IMAGE_TOOL;
  const imageTool = choice === "none" ? null : imageToolOf(tools, drawers, call);
  const others = tools.filter((tool) => !isImageTool(tool));
  const drawsAtOnce =
    imageTool !== null && !model.callsTools && (asksToDraw || choice === "required" || others.length === 0);
  if (drawsAtOnce) {
    // The others would be the model's.
    if (others.length > 0) call.warn("tools has no effect here: this model calls none.");
    return { tools: {}, imageTool, drawsAtOnce };
  }
  const callable = imageTool !== null && model.callsTools ? [...others, imageFunction] : others;
  if (imageTool !== null && !model.callsTools) call.warn(`${IMAGE_TOOL} has no effect here beside other tools.`);
  const given = { tools: callable, choice: choiceOf(choice), parallel, form: functionTool };
  return { tools: toTools(given, model, call), imageTool, drawsAtOnce };
}

function choiceOf(choice: NonNullable<ResponsesRequest["tool_choice"]>) {
  if (typeof choice === "string") return choice;
  if (choice.type === "function") return { name: choice.name };
  if (choice.type === IMAGE_TOOL) return { name: IMAGE_TOOL };
  return { mode: choice.mode, allowed: choice.tools.map(({ type, name }) => name ?? type) };
}

/** The answer of a response that is a picture. */
async function* drawnAlone(): Said {
  yield* [];
  return { text: "", finishReason: "stop", promptTokens: 0, answerTokens: 0 };
}

async function* inTurn(
  model: VisionLanguageModel,
  messages: readonly VlmMessage[],
  options: VlmOptions,
  call: Call,
): Said {
  await call.turn();
  return yield* model.streamChat(messages, options);
}
