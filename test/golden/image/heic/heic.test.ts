import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { rasterFormat } from "../../../../sdk/image/read/raster-format.ts";
import { readImage } from "../../../../sdk/index.ts";

const file = (name: string) => readFileSync(new URL(name, import.meta.url));
const avif = await sharp({ create: { width: 8, height: 8, channels: 3, background: "teal" } })
  .avif()
  .toBuffer();

describe("HEIC files", () => {
  test.each(["picture", "turned"])("%s: libheif's own pixels, upright", async (name) => {
    const { data, info } = await sharp(file(`${name}.png`))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const image = await readImage(file(`${name}.heic`));
    expect([image.width, image.height]).toEqual([info.width, info.height]);
    expect(Buffer.from(image.data).equals(data)).toBe(true);
  });

  test("too many pixels are refused before they are decoded", async () => {
    await expect(readImage(file("picture.heic"), { maxPixels: 100 })).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringContaining("128 x 64 = 8192 pixels"),
    });
  });

  test.each([40, 300, -10])("cut at byte %d", async (length) => {
    await expect(readImage(file("picture.heic").subarray(0, length))).rejects.toMatchObject({ code: "INVALID_IMAGE" });
  });

  test("are told from AVIF files by their brands, also where the main one is mif1", () => {
    const branded = (bytes: Buffer, brand: string) => {
      const copy = Buffer.from(bytes);
      copy.write(brand, 8, "latin1");
      return rasterFormat(copy, "the image");
    };
    expect(["heic", "mif1", "heix"].map((brand) => branded(file("picture.heic"), brand))).toEqual(
      Array(3).fill("HEIC"),
    );
    expect(["avif", "mif1", "avis"].map((brand) => branded(avif, brand))).toEqual(Array(3).fill("AVIF/HEIF"));
    expect(() => branded(avif, "isom")).toThrow("Expected a raster image");
  });
});

test("without libheif-js the message says how to get it", async () => {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(name, context, next) {
        if (name.startsWith("libheif-js")) throw new Error("not installed");
        return next(name, context);
      },
    });
    const { readImage } = await import(${JSON.stringify(new URL("../../../../sdk/index.ts", import.meta.url))});
    await readImage(${JSON.stringify(fileURLToPath(new URL("picture.heic", import.meta.url)))}).catch((error) => {
      console.log(error.code, error.message);
    });`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  expect(stdout).toMatch(
    /^INVALID_IMAGE Expected a complete image .* run `npm install libheif-js`, or convert it to JPEG/,
  );
});
