import { randomUUID } from "node:crypto";
import * as z from "zod";
import { isObject } from "../../../sdk/kit.ts";
import { leave } from "../../async-generators.ts";
import type { ImageEdit, ImageGenerator } from "../../generation/index.ts";
import { WITHOUT_MASK } from "../../image-edits.ts";
import type { VlmMessage } from "../../vision-language-model.ts";
import { ApiError } from "../http/api-error.ts";
import { ignored } from "../http/parse.ts";
import type { RequestQueue } from "../http/queue.ts";
import { asJson, checkSize, drawFields, previewRows, toOptions, warnOfQuality } from "../images/draw.ts";
import { imageOf } from "../images/image-source.ts";
import { pngObject } from "../images/png-object.ts";
import type { EndpointLimits } from "../limits.ts";
import { type Call, defaultModel } from "../route.ts";

/** What draws, and the line in which its requests wait. */
export interface Drawers {
  readonly models: ReadonlyMap<string, ImageGenerator>;
  readonly queue: RequestQueue;
}

export const IMAGE_TOOL = "image_generation";

/** OpenAI's tool `image_generation`: the fields of an image that is drawn, but for those of a request. */
function imageTool(limits: EndpointLimits) {
  const { n: _, stream: _stream, response_format: _format, user: _user, ...fields } = drawFields(limits, asJson);
  return z.object({
    ...fields,
    type: z.literal(IMAGE_TOOL),
    action: z.enum(["auto", "generate", "edit"]).default("auto"),
    input_image_mask: z
      .object({
        file_id: z.undefined("it is not supported: this server keeps no files.").optional(),
        image_url: z.string(),
      })
      .optional(),
    input_fidelity: ignored,
    moderation: ignored,
    output_compression: ignored,
  });
}

/** The tool of a request, and the model that it draws with. */
export interface ImageTool extends z.output<ReturnType<typeof imageTool>> {
  readonly drawer: ImageGenerator;
  readonly queue: RequestQueue;
}

export const isImageTool = (tool: unknown): boolean => isObject(tool) && tool.type === IMAGE_TOOL;

/**
 * The first of a request's tools that draws; null where there is none, or no model that draws.
 * @throws ApiError 400, 404
 */
export function imageToolOf(tools: readonly unknown[], { models, queue }: Drawers, call: Call): ImageTool | null {
  const at = tools.findIndex(isImageTool);
  if (at < 0) return null;
  if (models.size === 0) {
    call.warn(`${IMAGE_TOOL} has no effect here: no image model is served.`);
    return null;
  }
  const { success, data, error } = imageTool(call.limits).safeParse(tools[at]);
  if (!success) {
    const [issue] = error.issues;
    const param = [`tools[${at}]`, ...(issue?.path ?? [])].join(".");
    throw new ApiError(400, `Expected another value for ${param}: ${issue?.message}`, { param });
  }
  const drawer = defaultModel(models, data.model);
  checkSize(data.size, drawer);
  warnOfQuality(data, call);
  return { ...data, drawer, queue };
}

/** The same as a function that a model may call. */
export const imageFunction = {
  type: "function",
  name: IMAGE_TOOL,
  description: "Draws a picture for the user.",
  parameters: {
    type: "object",
    properties: { prompt: { type: "string", description: "What the picture shows" } },
    required: ["prompt"],
    additionalProperties: false,
  },
};

/** What is drawn: words, and the image that is drawn anew by them. */
export interface Drawn {
  readonly prompt: string;
  readonly edit?: ImageEdit;
}

/**
 * What the user's last message asks for. An image in it is drawn anew.
 * @param words of a model that has called the tool, in place of the message's
 * @throws ApiError 400
 */
export async function askedDrawing(
  { action, input_image_mask: mask }: ImageTool,
  messages: readonly VlmMessage[],
  call: Call,
  words?: string,
): Promise<Drawn> {
  const content = messages.findLast(({ role }) => role === "user")?.content ?? "";
  const parts = typeof content === "string" ? [content] : content;
  const prompt = words ?? parts.filter((part) => typeof part === "string").join("\n");
  if (prompt.trim() === "") throw wrong("words of what to draw", "no text");
  const images = parts.flatMap((part) => (typeof part !== "string" && "image" in part ? [part.image] : []));
  if (action === "generate" || (action === "auto" && images.length === 0)) return { prompt };
  const [image] = images;
  if (image === undefined || images.length > 1) throw wrong("one image to draw anew", `${images.length}`);
  if (mask === undefined) {
    call.warn(WITHOUT_MASK);
    return { prompt, edit: { image } };
  }
  return { prompt, edit: { image, mask: await imageOf(mask.image_url, "tools.input_image_mask", call.images) } };
}

const wrong = (what: string, received: string) =>
  new ApiError(400, `Expected ${what} in the last message for ${IMAGE_TOOL} but received ${received}.`, {
    param: "input",
  });

export type ImageItem = ReturnType<typeof imageItem>;

function imageItem({ info }: ImageGenerator, prompt: string, action: string) {
  const { width, height } = info.outputSize;
  return {
    type: "image_generation_call" as const,
    id: `ig_${randomUUID().replaceAll("-", "")}`,
    status: "in_progress",
    action,
    background: "opaque",
    output_format: "png",
    quality: "auto",
    size: `${width}x${height}`,
    revised_prompt: prompt,
    result: null as string | null,
  };
}

/** Draws it in its turn: OpenAI's events in their order, then the item. The first comes when the drawing has begun. */
export async function* drawing(
  tool: ImageTool,
  { prompt, edit }: Drawn,
  index: number,
  { signal }: Call,
): AsyncGenerator<object, ImageItem> {
  const { drawer, queue } = tool;
  const place = queue.enter();
  try {
    await place.turn(signal);
    const rows = previewRows(tool, drawer);
    const options = { ...toOptions(tool, signal), previewRows: rows, ...(edit && { editImage: edit }) };
    const images = drawer.generate(prompt, options);
    try {
      let next = await images.next();
      const open = imageItem(drawer, prompt, edit ? "edit" : "generate");
      const at = { output_index: index, item_id: open.id };
      const { size, quality, background, output_format } = open;
      yield { type: "response.output_item.added", output_index: index, item: open };
      yield { type: "response.image_generation_call.in_progress", ...at };
      yield { type: "response.image_generation_call.generating", ...at };
      for (let count = 0; !next.done; next = await images.next()) {
        const { value: event } = next;
        if (event.type === "failed") throw event.error;
        if (event.type !== "preview") continue;
        const { b64_json: partial_image_b64 } = await pngObject(event.image);
        const shown = { partial_image_index: count, partial_image_b64, size, quality, background, output_format };
        yield { type: "response.image_generation_call.partial_image", ...at, ...shown };
        count += 1;
      }
      // One is drawn, or the generator has thrown.
      const { b64_json: result } = await pngObject(next.value[0]!.image);
      const item = { ...open, status: "completed", result };
      yield { type: "response.image_generation_call.completed", ...at };
      yield { type: "response.output_item.done", output_index: index, item };
      return item;
    } finally {
      await leave(images);
    }
  } finally {
    place.leave();
  }
}
