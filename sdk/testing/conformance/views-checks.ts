import type { ImageInput, ImageSize, RgbImage } from "../../contract/image.ts";
import { check, equal, refuses, resolves, rgbImage, samePixels, untouched } from "./assertions.ts";
import { badImages } from "./bad-images.ts";
import { inEveryForm } from "./image-checks.ts";
import { type Check, canDecode, canEmbed, NotApplicable, type Subject } from "./subject.ts";

type ViewsMethod = "views" | "embedViews" | "reconstructionTarget";

/** One of the methods as a function that gives a list of images, and the size of each where the model states it. */
function methodOf(
  subject: Subject,
  name: ViewsMethod,
): { call(image: ImageInput): Promise<RgbImage[]>; size: ImageSize | null } {
  const { views } = subject;
  if (name === "views") return { call: (image) => views.views(image), size: null };
  if (name === "embedViews") {
    if (!canEmbed(subject.model)) throw new NotApplicable("the model has no projector");
    return { call: (image) => views.embedViews(image), size: null };
  }
  const size = "decode" in subject.model ? subject.decoder.info.outputSize : null;
  return { call: async (image) => [await views.reconstructionTarget(image)], size };
}

const checksOf = (name: ViewsMethod, whole: string): Check[] => [
  [
    `${name}: ${whole}`,
    async (subject) => {
      const { call, size } = methodOf(subject, name);
      for (const picture of subject.pictures()) {
        const images = await call(picture);
        check(images.length > 0, `${name}: expected at least one image but received none`);
        for (const [i, image] of images.entries()) rgbImage(image, size, `${name}, image ${i}`);
        same(await call(picture), images, `${name} of the same image again`);
      }
    },
  ],
  [
    `${name}: a path, a URL, bytes and raw pixels of one image give the same`,
    async (subject) => {
      const { call } = methodOf(subject, name);
      const wanted = await call(subject.picture());
      await inEveryForm(subject.picture(), async (forms) => {
        for (const [form, image] of forms) {
          const images = await resolves(() => call(image()), `${name} of the image as ${form}`);
          same(images, wanted, `${name} of the image as ${form} and as raw pixels`);
        }
      });
    },
  ],
  [
    `${name}: leaves the caller's image as it is`,
    async (subject) => {
      const { call } = methodOf(subject, name);
      const picture = subject.picture();
      for (const image of await call(picture)) image.data.fill(0);
      untouched(picture.data, subject.picture().data, `the raw pixels after the result of ${name} was overwritten`);
    },
  ],
  [
    `${name}: what is no image is refused`,
    async (subject) => {
      const { call } = methodOf(subject, name);
      for (const [what, image] of badImages) {
        await refuses(() => call(image), ["INVALID_ARGUMENT", "INVALID_IMAGE"], `${name} of ${what}`);
      }
    },
  ],
];

export const viewsChecks: readonly Check[] = [
  ...checksOf("views", "gives one RGB image or more"),
  ...checksOf("embedViews", "gives one RGB image or more"),
  ...checksOf("reconstructionTarget", "gives an RGB image of info.outputSize"),
  [
    "embedViews: without a projector is UNSUPPORTED",
    async (subject) => {
      const { model } = subject;
      if (!("embedViews" in model && "embed" in model)) throw new NotApplicable("the model has no embed with views");
      if (canEmbed(model)) throw new NotApplicable("the model has a projector");
      await refuses(() => model.embedViews(subject.picture()), ["UNSUPPORTED"], "embedViews without a projector");
    },
  ],
  [
    "reconstructionTarget: without a decoder is UNSUPPORTED",
    async (subject) => {
      const { model } = subject;
      if (!("reconstructionTarget" in model && "decode" in model)) {
        throw new NotApplicable("the model has no decode with views");
      }
      if (canDecode(model)) throw new NotApplicable("the model has a decoder");
      const call = () => model.reconstructionTarget(subject.picture());
      await refuses(call, ["UNSUPPORTED"], "reconstructionTarget without a decoder");
    },
  ],
];

function same(actual: readonly RgbImage[], wanted: readonly RgbImage[], what: string): void {
  equal(actual.length, wanted.length, `${what}: how many images there are`);
  for (const [i, image] of wanted.entries()) {
    const other = actual[i];
    if (other) samePixels(other, image, 0, `${what}, image ${i}`);
  }
}
