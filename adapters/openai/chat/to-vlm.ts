import type { ImageInput } from "../../../sdk/index.ts";
import { setFields } from "../../../sdk/kit.ts";
import type { VisionLanguageModel, VlmMessage, VlmOptions, VlmPart } from "../../vision-language-model.ts";
import { ApiError } from "../http/api-error.ts";
import { imageOf } from "../images/image-source.ts";
import type { Call } from "../route.ts";
import type { ChatRequest } from "./chat-request.ts";
import { checkCounts } from "./check-counts.ts";
import { toLogprobs } from "./logprobs.ts";
import { toSampling } from "./sampling.ts";
import { requireTools } from "./tools.ts";

type RequestPart = Exclude<ChatRequest["messages"][number]["content"], string>[number];

/** The request's conversation, images of other servers fetched. @throws ApiError 400 */
export async function toMessages(
  { messages }: ChatRequest,
  model: VisionLanguageModel,
  { images, limits }: Call,
): Promise<VlmMessage[]> {
  checkCounts(
    messages.map(({ content }) => content),
    imagesIn,
    { param: "messages", limits },
  );
  const all: VlmMessage[] = [];
  for (const [i, message] of messages.entries()) {
    const { role, content } = message;
    const calls = "tool_calls" in message ? message.tool_calls : undefined;
    if (role === "tool" || calls?.length) requireTools(model, `messages[${i}].role`);
    const parts: VlmPart[] = [];
    for (const [j, part] of typeof content === "string" ? [] : content.entries()) {
      parts.push(await toPart(part, `messages[${i}].content[${j}]`, images));
    }
    all.push({
      role: role === "developer" ? "system" : role,
      content: typeof content === "string" ? content : parts,
      ...(calls?.length && { toolCalls: calls }),
      ...(message.role === "tool" && setFields({ toolCallId: message.tool_call_id })),
    });
  }
  return all;
}

async function toPart(part: RequestPart, param: string, images: Call["images"]): Promise<VlmPart> {
  if (part.type === "text") return part.text;
  if (part.type === "image_url") {
    return { image: await imageOf(part.image_url.url, `${param}.image_url.url`, images) };
  }
  const frames: ImageInput[] = [];
  const urls = part.type === "video" ? part.video : framesOf(part.video_url.url, param);
  for (const [k, url] of urls.entries()) frames.push(await imageOf(url, `${param}.${part.type}[${k}]`, images));
  return { video: { frames, fps: part.fps } };
}

const JPEG_FRAMES = /^data:video\/jpeg;base64,/i;

/**
 * The frames of vLLM's "data:video/jpeg;base64,...", whose base64 texts of JPEG files have commas between them
 * (vllm/multimodal/media/video.py, `VideoMediaIO.load_base64`).
 */
function framesOf(url: string, param: string): string[] {
  if (JPEG_FRAMES.test(url)) {
    return url
      .replace(JPEG_FRAMES, "")
      .split(",")
      .map((frame) => `data:image/jpeg;base64,${frame}`);
  }
  const message =
    `Expected frames, data:video/jpeg;base64,..., for ${param}.video_url.url but received another video. No film is decoded here: ` +
    'send its frames as { "type": "video", "video": ["data:image/jpeg;base64,...", ...], "fps": 2 }.';
  throw new ApiError(400, message, { param: `${param}.video_url.url`, code: "unsupported_video" });
}

function imagesIn(part: RequestPart): number {
  if (part.type === "text") return 0;
  if (part.type === "video") return part.video.length;
  return part.type === "video_url" ? part.video_url.url.split(",").length - 1 : 1;
}

/** The request's sampling and limits. */
export function toOptions(request: ChatRequest, { signal, warn }: Call): VlmOptions {
  return {
    ...toSampling(request),
    ...setFields({
      maxTokens: request.max_completion_tokens ?? request.max_tokens ?? request.n_predict,
      logprobs: toLogprobs(request),
      jsonSchema: request.response_format ?? request.json_schema,
    }),
    onWarning: warn,
    signal,
  };
}
