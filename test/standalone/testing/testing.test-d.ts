import { test as nodeTest } from "node:test";
import { describe, expectTypeOf, it, test } from "vitest";
import {
  type Decoder,
  type Defaults,
  type Embedder,
  type Encoded,
  type EncodeOptions,
  type Encoder,
  hasCodebook,
  type ImageInput,
  type ImageTokens,
  type RgbImage,
  type Views,
  type VisionTokenizer,
} from "../../../sdk/index.ts";
import { defineEncoder } from "../../../sdk/kit.ts";
import {
  type ConformanceTest,
  type ConformingModel,
  conformanceTests,
  type MockTokenizer,
  type MockTokenizerOptions,
  mockTokenizer,
} from "../../../sdk/testing/index.ts";

declare const info: Encoder<null>["info"];
declare const tests: readonly ConformanceTest[];
declare const options: MockTokenizerOptions;

function encode<const O extends EncodeOptions = Defaults>(image: ImageInput, options?: O): Promise<Encoded<null, O>>;
function encode<const O extends EncodeOptions = Defaults>(
  images: readonly ImageInput[],
  options?: O,
): Promise<Encoded<null, O>[]>;
async function encode(): Promise<ImageTokens | ImageTokens[]> {
  return [];
}

describe("a stranger's plain object", () => {
  it("with encode alone is an Encoder, and no more than that", () => {
    const mine = { info, encode, [Symbol.asyncDispose]: async () => {} };
    expectTypeOf(mine).toExtend<Encoder<null>>();
    expectTypeOf(mine).toExtend<Encoder>();
    expectTypeOf(mine).toExtend<ConformingModel>();
    expectTypeOf(mine).not.toExtend<Encoder<Int32Array>>();
    expectTypeOf(mine).not.toExtend<Decoder | Embedder | Views>();
    expectTypeOf(mine).not.toExtend<VisionTokenizer>();
    const encoder: Encoder = mine;
    if (hasCodebook(encoder)) expectTypeOf(encoder.encode("a.png")).resolves.toHaveProperty("ids");
    conformanceTests(() => mine);
    conformanceTests(async () => mine, { featureTolerance: 0 });
    // @ts-expect-error: nothing to test
    conformanceTests(() => ({ info, [Symbol.asyncDispose]: async () => {} }));
  });

  it("with decode, embed or views alone is one role too", () => {
    expectTypeOf<Decoder>().toExtend<ConformingModel>();
    expectTypeOf<Embedder>().toExtend<ConformingModel>();
    expectTypeOf<Views>().toExtend<ConformingModel>();
    expectTypeOf<VisionTokenizer>().toExtend<ConformingModel>();
    expectTypeOf<Encoder<Uint8Array>>().toExtend<ConformingModel>();
  });
});

describe("defineEncoder", () => {
  const grid = { rows: 1, columns: 1 };
  const sizes = { modelId: "mine", inputSize: null, grid, maxTokens: 1 };
  const codebook = { size: 2, dim: 1, codesPerToken: 1 };

  it("gives an encoder of the type that its parts state", () => {
    const features = Float32Array.of(1);
    const plain = defineEncoder({
      info: { ...sizes, featureDim: 1, codebook: null },
      encode: () => ({ grid, features }),
    });
    expectTypeOf(plain).toEqualTypeOf<Encoder<null>>();
    const ids = defineEncoder({
      info: { ...sizes, featureDim: null, codebook },
      encode: async ({ width }) => ({ grid, ids: Int32Array.of(width % 2) }),
    });
    expectTypeOf(ids).toExtend<Encoder<Int32Array>>();
    // @ts-expect-error: its size is missing
    defineEncoder({ info: { modelId: "mine" }, encode: () => ({ grid, features }) });
    // @ts-expect-error: no grid
    defineEncoder({ info: { ...sizes, featureDim: 1, codebook: null }, encode: () => ({ features }) });
  });
});

describe("conformance tests", () => {
  it("go into a loop of either runner as they are", () => {
    for (const { name, run } of tests) test(name, run);
    for (const { name, run } of tests) nodeTest(name, run);
  });
});

describe("mockTokenizer", () => {
  it("gives a tokenizer of the type that its options state", async () => {
    expectTypeOf(mockTokenizer()).toEqualTypeOf<MockTokenizer<Int32Array>>();
    expectTypeOf(mockTokenizer({ codebook: { size: 4 } })).toEqualTypeOf<MockTokenizer<Int32Array>>();
    expectTypeOf(mockTokenizer({ codebook: null })).toEqualTypeOf<MockTokenizer<null>>();
    expectTypeOf(mockTokenizer(options)).toEqualTypeOf<MockTokenizer>();
    expectTypeOf(mockTokenizer()).toExtend<VisionTokenizer<Int32Array>>();
    expectTypeOf((await mockTokenizer().encode("a.png")).ids).toEqualTypeOf<Int32Array>();
    expectTypeOf(mockTokenizer().decode([1])).resolves.toEqualTypeOf<RgbImage>();
    // @ts-expect-error: an unknown option
    mockTokenizer({ grids: 4 });
  });

  it("tells its calls apart by their method", () => {
    for (const call of mockTokenizer().calls) {
      if (call.method === "encode") expectTypeOf(call.options).toEqualTypeOf<EncodeOptions | undefined>();
      if (call.method === "views") expectTypeOf(call.input).toEqualTypeOf<ImageInput>();
    }
  });
});
