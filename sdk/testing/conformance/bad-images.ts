import type { ImageInput } from "../../contract/image.ts";
import { check, equal, refuses } from "./assertions.ts";

/** What is no image, as a program without types might pass it. */
export const badImages: readonly (readonly [what: string, image: ImageInput])[] = [
  ["undefined", untyped(undefined)],
  ["null", untyped(null)],
  ["a number", untyped(5)],
  ["an empty object", untyped({})],
  ["an empty text", ""],
  ["a file that is not there", "no-such-file-of-the-conformance-suite.png"],
  ["a remote URL", "https://example.invalid/photo.jpg"],
  ["no bytes", new Uint8Array(0)],
  ["bytes that are no image", new Uint8Array(100).fill(7)],
  ["raw pixels that are too few", { data: new Uint8Array(5), width: 2, height: 2 }],
  ["raw pixels of a fractional width", { data: new Uint8Array(9), width: 1.5, height: 2 }],
  ["raw pixels without any", { data: new Uint8Array(0), width: 0, height: 0 }],
];

function untyped(value: unknown): ImageInput {
  return value as ImageInput;
}

/** The place among many images at which the bad one is put. */
const PLACE = 4;

/**
 * Fails where `call` takes one of the bad images. `place` is null for the image alone, or where the call puts it among
 * good ones; the error must then have it as its `index`.
 */
export async function refuseBadImages(
  name: string,
  call: (image: ImageInput, place: number | null) => Promise<unknown>,
): Promise<void> {
  for (const [what, image] of badImages) {
    const codes = ["INVALID_ARGUMENT", "INVALID_IMAGE"] as const;
    const alone = await refuses(() => call(image, null), codes, `${name} of ${what}`);
    equal(alone.index, undefined, `${name} of ${what}, alone: the error's index`);
    const among = await refuses(() => call(image, PLACE), codes, `${name} of ${what} among images`);
    equal(among.code, alone.code, `${name} of ${what} among images and alone: the error's code`);
    check(
      among.index === PLACE,
      `${name} of ${what} at place ${PLACE}: expected the error's index to be ${PLACE} but received ${among.index}`,
    );
  }
}
