import * as z from "zod";
import type { ImageInput } from "../../../sdk/index.ts";
import type { ImageGenerator } from "../../generation/index.ts";
import { keptRows, WITHOUT_MASK } from "../../image-edits.ts";
import { parseLooseBody } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";
import { type Call, defaultModel, type Route } from "../route.ts";
import { asText, draw, drawFields, promptField } from "./draw.ts";
import { imageOf } from "./image-source.ts";

/** A data: URL, or OpenAI's object with one. A form's file is such a text as well. */
const imageField = z.union([
  z.string().transform((image_url) => ({ image_url })),
  z.object({
    // Before what stands in its place: the message is of what was sent.
    file_id: z.undefined("it is not supported: this server keeps no files.").optional(),
    image_url: z.string(),
  }),
]);
const oneImage = z.union([
  imageField,
  z
    .array(z.unknown())
    .length(1, "Expected one image: this model draws on one")
    .pipe(z.tuple([imageField]))
    .transform(([image]) => image),
]);

const imageFields = { image: oneImage.optional(), images: oneImage.optional() };
type Images = z.output<z.ZodObject<typeof imageFields>>;

const hasOneImage = ({ image, images }: Images) => (image === undefined) !== (images === undefined);
const needsImage = { error: "Expected one image", path: ["image"] };

const editRequest = (limits: EndpointLimits) =>
  z
    .object({ ...drawFields(limits, asText), ...imageFields, prompt: promptField, mask: imageField.optional() })
    .refine(hasOneImage, needsImage);

/** POST /v1/images/edits: what the mask keeps stays, the rest is drawn anew. */
export const imageEdits =
  (models: ReadonlyMap<string, ImageGenerator>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(editRequest(call.limits), body, call.warn);
    const model = defaultModel(models, request.model);
    const { prompt, mask } = request;
    const image = await imageIn(request, call);
    if (mask === undefined) call.warn(WITHOUT_MASK);
    const editImage =
      mask === undefined ? { image } : { image, mask: await imageOf(mask.image_url, "mask", call.images) };
    return draw(model, request, { prompt, kind: "image_edit", options: { editImage } }, call);
  };

/** Half of an image says what it is of. */
const DEFAULT_KEEP = 0.5;

const variationRequest = (limits: EndpointLimits) =>
  z
    .object({
      ...drawFields(limits, asText),
      ...imageFields,
      prompt: promptField.optional(),
      keep: asText(z.number().gt(0).lt(1)).optional(),
    })
    .refine(hasOneImage, needsImage);

/** POST /v1/images/variations: the upper rows stay, the others are drawn anew. */
export const imageVariations =
  (models: ReadonlyMap<string, ImageGenerator>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(variationRequest(call.limits), body, call.warn);
    const model = defaultModel(models, request.model);
    const { prompt = "", keep = DEFAULT_KEEP } = request;
    const image = await imageIn(request, call);
    const rows = keptRows(keep, model.info.grid);
    return draw(model, request, { prompt, kind: "image_edit", options: { continueImage: { image, rows } } }, call);
  };

async function imageIn({ image, images }: Images, call: Call): Promise<ImageInput> {
  const { image_url: url } = (image ?? images)!;
  return imageOf(url, "image", call.images);
}
