import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { readImage } from "../../../sdk/image/read/read-image.ts";
import { type ExpectedPixels, readCases, summarise } from "./fixtures.ts";

interface FileCase {
  readonly name: string;
  readonly file: string;
  readonly expected: ExpectedPixels;
}

it.each(readCases<FileCase[]>("files.json"))("$name decodes to Pillow's pixels", async ({ file, expected }) => {
  expect(summarise(await readImage(Buffer.from(file, "base64")), expected)).toEqual(expected);
});

it("decodes a JPEG file to Pillow's pixels", async () => {
  const expected = readCases<ExpectedPixels>("photo.json");
  const path = fileURLToPath(new URL("photo.jpg", import.meta.url));
  expect(summarise(await readImage(path), expected)).toEqual(expected);
});
