import { describe, expectTypeOf, it } from "vitest";
import {
  type ImageEmbeddings,
  type ImageInput,
  type ImageTokens,
  type RgbImage,
  type TokenIds,
  type VisionTokenizer,
  VQRAE,
} from "../../../sdk/index.ts";

declare const tokenizer: VQRAE;
declare const image: ImageInput;
declare const images: readonly ImageInput[];

describe("VQRAE", () => {
  it("is a VisionTokenizer that only load() makes", () => {
    expectTypeOf<VQRAE>().toExtend<VisionTokenizer>();
    expectTypeOf(VQRAE.load).returns.resolves.toEqualTypeOf<VQRAE>();
    // @ts-expect-error: the constructor is private
    new VQRAE();
    // @ts-expect-error: an unknown option
    VQRAE.load("default", { worker: 1 });
    // @ts-expect-error: an unknown device
    VQRAE.load("default", { device: "gpu" });
  });

  it("encodes one image to one result and many to many", () => {
    expectTypeOf(tokenizer.encode(image)).resolves.toEqualTypeOf<ImageTokens>();
    expectTypeOf(tokenizer.encode("photo.jpg", { ids: false })).resolves.toEqualTypeOf<ImageTokens>();
    expectTypeOf(tokenizer.encode(images)).resolves.toEqualTypeOf<ImageTokens[]>();
    expectTypeOf(tokenizer.encode(["a.jpg", new Uint8Array(4)])).resolves.toEqualTypeOf<ImageTokens[]>();
    expectTypeOf<ImageTokens["ids"]>().toEqualTypeOf<Int32Array | undefined>();
    // @ts-expect-error: a number is no image
    tokenizer.encode(5);
  });

  it("embeds one image to one result and many to many", () => {
    expectTypeOf(tokenizer.embed(image)).resolves.toEqualTypeOf<ImageEmbeddings>();
    expectTypeOf(tokenizer.embed(images)).resolves.toEqualTypeOf<ImageEmbeddings[]>();
    // @ts-expect-error: what embed gives is the projector's to say
    tokenizer.embed(image, { features: true });
  });

  it("decodes one grid to one image and many to many", () => {
    expectTypeOf(tokenizer.decode(new Int32Array(4))).resolves.toEqualTypeOf<RgbImage>();
    expectTypeOf(tokenizer.decode([1, 2, 3])).resolves.toEqualTypeOf<RgbImage>();
    expectTypeOf(tokenizer.decode([[1], [2]])).resolves.toEqualTypeOf<RgbImage[]>();
    expectTypeOf(tokenizer.decode([] as TokenIds[])).resolves.toEqualTypeOf<RgbImage[]>();
    expectTypeOf(tokenizer.codebookVectors).parameter(0).toEqualTypeOf<TokenIds>();
    expectTypeOf(tokenizer.codebookVectors).returns.resolves.toEqualTypeOf<Float32Array>();
    // @ts-expect-error: text is no id
    tokenizer.decode(["1"]);
  });

  it("gives one image its target, without options: there is nothing to abort", () => {
    expectTypeOf(tokenizer.reconstructionTarget).parameters.toEqualTypeOf<[image: ImageInput]>();
    expectTypeOf(tokenizer.reconstructionTarget).returns.resolves.toEqualTypeOf<RgbImage>();
  });
});
