import { describe, expectTypeOf, it } from "vitest";
import {
  type CodebookInfo,
  type Decoder,
  type Embedder,
  type Encoder,
  hasCodebook,
  type ImageEmbeddings,
  type ImageInput,
  type ImageTokens,
  type RgbImage,
  type TokenIds,
  type Views,
  type VisionTokenizer,
  VQRAE,
} from "../../../sdk/index.ts";

declare const tokenizer: VQRAE;
declare const shipped: VQRAE<Int32Array>;
declare const image: ImageInput;
declare const images: readonly ImageInput[];

describe("VQRAE", () => {
  it("is a VisionTokenizer that only load() makes", () => {
    expectTypeOf<VQRAE>().toExtend<VisionTokenizer>();
    expectTypeOf(VQRAE.load("folder")).resolves.toEqualTypeOf<VQRAE>();
    expectTypeOf(VQRAE.load("default")).resolves.toEqualTypeOf<VQRAE<Int32Array>>();
    // @ts-expect-error: the constructor is private
    new VQRAE();
    // @ts-expect-error: an unknown option
    VQRAE.load("default", { worker: 1 });
    // @ts-expect-error: an unknown device
    VQRAE.load("default", { device: "gpu" });
  });

  it("encodes one image to one result and many to many", () => {
    expectTypeOf(tokenizer.encode(image)).resolves.toExtend<ImageTokens>();
    expectTypeOf(tokenizer.encode(images)).resolves.toExtend<ImageTokens[]>();
    expectTypeOf(tokenizer.encode(["a.jpg", new Uint8Array(4)])).resolves.toExtend<ImageTokens[]>();
    // @ts-expect-error: a number is no image
    tokenizer.encode(5);
  });

  it("gives what its options ask for", async () => {
    const all = await shipped.encode(image);
    expectTypeOf(all.features).toEqualTypeOf<Float32Array>();
    expectTypeOf(all.ids).toEqualTypeOf<Int32Array>();
    // Whether a folder has a codebook only the loaded checkpoint tells.
    expectTypeOf((await tokenizer.encode(image)).ids).toEqualTypeOf<Int32Array | undefined>();
    expectTypeOf((await tokenizer.encode(image, { ids: true })).ids).toEqualTypeOf<Int32Array>();
    if (hasCodebook(tokenizer)) expectTypeOf((await tokenizer.encode(image)).ids).toEqualTypeOf<Int32Array>();
    // @ts-expect-error: it has no ids
    (await shipped.encode(image, { ids: false })).ids;
    // @ts-expect-error: it has no features
    (await shipped.encode(image, { features: false })).features;
    const asked: boolean = Math.random() < 0.5;
    expectTypeOf((await shipped.encode(image, { features: asked })).features).toEqualTypeOf<Float32Array | undefined>();
    expectTypeOf((await shipped.encode([image], { features: false }))[0]).toExtend<{ ids: Int32Array } | undefined>();
  });

  it("has each role, and a role asks for no more than its own", () => {
    expectTypeOf<VQRAE>().toExtend<Encoder & Decoder & Embedder & Views>();
    expectTypeOf<VQRAE<Int32Array>>().toExtend<VQRAE>();
    expectTypeOf<Encoder<Int32Array>>().toExtend<Encoder>();
    expectTypeOf<Encoder>().not.toExtend<Encoder<Int32Array>>();
    expectTypeOf(shipped.info.codebook).toEqualTypeOf<CodebookInfo>();
    expectTypeOf(tokenizer.info.codebook).toEqualTypeOf<CodebookInfo | null>();
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
