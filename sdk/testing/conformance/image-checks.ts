import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { ImageInput, RgbImage } from "../../contract/image.ts";
import { encodePng } from "../../image/encode-png.ts";
import { check, equal, refuses, rejectsWith, resolves, untouched } from "./assertions.ts";
import { badImages, refuseBadImages } from "./bad-images.ts";
import type { ImageMethod } from "./image-methods.ts";
import { copyOf } from "./pictures.ts";
import type { Check, Subject } from "./subject.ts";

/** What is asked alike of `encode` and of `embed`. */
export function imageChecks<T>(method: ImageMethod<T>): Check[] {
  const { name, one, many, same } = method;
  const alone = async (subject: Subject): Promise<T[]> => {
    const results: T[] = [];
    for (const image of subject.pictures()) results.push(await one(subject, image));
    return results;
  };
  const sameAll = (subject: Subject, actual: readonly T[], wanted: readonly T[], what: string) => {
    check(Array.isArray(actual), `${what}: expected a list of results`);
    equal(actual.length, wanted.length, `${what}: how many results there are`);
    for (const [i, result] of actual.entries()) {
      const expected = wanted[i];
      if (expected !== undefined) same(subject, result, expected, `${what}, image ${i}`);
    }
  };

  const checks: Check[] = [
    [
      `${name}: many images give what each gives alone, in their order`,
      async (subject) => {
        const wanted = await alone(subject);
        sameAll(subject, await many(subject, subject.pictures()), wanted, `${name}(images) and ${name}(image)`);
        sameAll(
          subject,
          await many(subject, [subject.picture()]),
          wanted.slice(0, 1),
          `${name}([image]) and ${name}(image)`,
        );
      },
    ],
    [
      `${name}: an image gives the same in other company, in another order and again`,
      async (subject) => {
        const wanted = await alone(subject);
        const order = [2, 0, 0, 1, 2, 1, 0, 2, 2, 1, 0];
        const pick = <V>(values: readonly V[]) => order.flatMap((i) => values.slice(i, i + 1));
        const mixed = await many(subject, pick(subject.pictures()));
        sameAll(subject, mixed, pick(wanted), `${name} of ${order.length} images`);
        sameAll(subject, await alone(subject), wanted, `${name} of the same image again`);
      },
    ],
    [`${name}: no images give no results`, async (subject) => equal(await many(subject, []), [], `${name}([])`)],
    [
      `${name}: a path, a URL, bytes and raw pixels of one image give the same`,
      (subject) =>
        inEveryForm(subject.picture(), async (forms) => {
          const wanted = await one(subject, subject.picture());
          for (const [form, image] of forms) {
            const result = await resolves(() => one(subject, image()), `${name} of the image as ${form}`);
            same(subject, result, wanted, `${name} of the image as ${form} and as raw pixels`);
          }
          const all = await many(
            subject,
            forms.map(([, image]) => image()),
          );
          sameAll(subject, all, Array(forms.length).fill(wanted), `${name} of the image in each form`);
        }),
    ],
    [
      `${name}: leaves the caller's images as they are`,
      async (subject) => {
        const raw = subject.picture();
        const png = await encodePng(raw);
        const [pixels, bytes] = [raw.data.slice(), png.slice()];
        await many(subject, [raw, png, raw, png.buffer]);
        await one(subject, raw);
        untouched(raw.data, pixels, `the raw pixels after ${name}`);
        untouched(png, bytes, `the image's bytes after ${name}`);
      },
    ],
    [
      `${name}: each result has memory of its own`,
      async (subject) => {
        const wanted = structuredClone(await one(subject, subject.picture()));
        const [first, second] = await many(subject, [subject.picture(), subject.picture()]);
        check(first !== undefined && second !== undefined, `${name}(images): expected two results`);
        for (const buffer of method.buffers(first)) buffer.fill(0);
        same(subject, second, wanted, `${name} of an image, after the result of its twin was overwritten`);
        const again = await one(subject, subject.picture());
        same(subject, again, wanted, `${name} of an image, after an earlier result of it was overwritten`);
      },
    ],
    [
      `${name}: calls at once do not mix`,
      async (subject) => {
        const wanted = await alone(subject);
        const calls = [0, 1, 2, 3].flatMap(() => subject.pictures().map((image) => one(subject, image)));
        const [together, ...lists] = await Promise.all([
          Promise.all(calls),
          many(subject, subject.pictures()),
          many(subject, subject.pictures().reverse()),
        ]);
        sameAll(
          subject,
          together,
          [0, 1, 2, 3].flatMap(() => wanted),
          `${name} in ${calls.length} calls at once`,
        );
        sameAll(subject, lists[0], wanted, `${name} of many images beside other calls`);
        sameAll(subject, lists[1], wanted.toReversed(), `${name} of the images in reverse beside other calls`);
      },
    ],
    [
      `${name}: what is no image is refused, and its index among many is told`,
      (subject) =>
        refuseBadImages(name, (image, place) => {
          if (place === null) return one(subject, image);
          const images: ImageInput[] = [...subject.pictures(), ...subject.pictures()];
          images.splice(place, 0, image);
          return many(subject, images);
        }),
    ],
    [
      `${name}: works on after an image that it refused`,
      async (subject) => {
        const [wanted] = await alone(subject);
        const [bad] = badImages;
        if (bad)
          await refuses(() => one(subject, bad[1]), ["INVALID_ARGUMENT", "INVALID_IMAGE"], `${name} of ${bad[0]}`);
        const result = await one(subject, subject.picture());
        if (wanted !== undefined) same(subject, result, wanted, `${name} after an image that it refused`);
      },
    ],
    [
      `${name}: an unknown option is refused`,
      async (subject) => {
        const options = { signal: new AbortController().signal, sginal: null };
        await refuses(
          () => one(subject, subject.picture(), options),
          ["INVALID_ARGUMENT"],
          `${name} with the option "sginal"`,
        );
      },
    ],
    [
      `${name}: rejects with the reason of a signal that has aborted`,
      async (subject) => {
        const reason = new Error("the test stops before the call");
        const options = { signal: AbortSignal.abort(reason) };
        const what = `${name} with a signal that has aborted`;
        await rejectsWith(() => one(subject, subject.picture(), options), reason, what);
        await rejectsWith(() => many(subject, subject.pictures(), options), reason, what);
      },
    ],
    [
      `${name}: rejects with the reason of a signal that aborts during the call, and works on`,
      async (subject) => {
        const [wanted] = await alone(subject);
        const reason = new Error("the test stops during the call");
        const controller = new AbortController();
        const images = [0, 1, 2, 3].flatMap(() => subject.pictures());
        const call = () => {
          const promise = many(subject, images, { signal: controller.signal });
          controller.abort(reason);
          return promise;
        };
        await rejectsWith(call, reason, `${name} with a signal that aborts right after the call`);
        const result = await one(subject, subject.picture());
        if (wanted !== undefined) same(subject, result, wanted, `${name} after a call that was stopped`);
      },
    ],
    [
      `${name}: a signal that does not abort changes nothing`,
      async (subject) => {
        const { signal } = new AbortController();
        const wanted = await one(subject, subject.picture());
        same(subject, await one(subject, subject.picture(), { signal }), wanted, `${name} with a signal`);
      },
    ],
  ];
  return checks.map(([title, check]) => [
    title,
    (subject) => {
      method.require(subject);
      return check(subject);
    },
  ]);
}

/** Gives `work` the image in every form that `ImageInput` allows, but for raw pixels as they came: anew each time, as a stream is read once. */
export async function inEveryForm(
  image: RgbImage,
  work: (forms: readonly (readonly [form: string, image: () => ImageInput])[]) => Promise<void>,
): Promise<void> {
  const png = await encodePng(image);
  const folder = await mkdtemp(join(tmpdir(), "vqrae-conformance-"));
  try {
    const path = join(folder, "picture.png");
    await writeFile(path, png);
    const larger = new Uint8Array(png.length + 9);
    larger.set(png, 4);
    await work([
      ["a path", () => path],
      ["a file: URL", () => pathToFileURL(path)],
      ["the text of a file: URL", () => pathToFileURL(path).href],
      ["a data: URL", () => `data:image/png;base64,${Buffer.from(png).toString("base64")}`],
      ["bytes", () => png],
      ["bytes inside a larger buffer", () => larger.subarray(4, 4 + png.length)],
      ["an ArrayBuffer", () => png.slice().buffer],
      ["a Blob", () => new Blob([png])],
      ["a web stream", () => new Blob([png]).stream()],
      ["a stream of Node", () => Readable.from([png.subarray(0, 20), png.subarray(20)])],
      ["clamped raw pixels", () => ({ ...copyOf(image), data: new Uint8ClampedArray(image.data) })],
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
