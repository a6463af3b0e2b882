import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  type DecodeOptions,
  type EmbedOptions,
  type EncodeOptions,
  type ImageEmbeddings,
  type ImageInput,
  type ImageTokens,
  type RgbImage,
  type TokenIds,
  type VisionTokenizer,
  VqraeError,
} from "../../../sdk/index.ts";
import {
  type ConformingModel,
  conformanceTests,
  type MockTokenizer,
  type MockTokenizerOptions,
  mockTokenizer,
} from "../../../sdk/testing/index.ts";

export type Images = ImageInput | readonly ImageInput[];
export type Tokens = TokenIds | Float32Array | readonly (TokenIds | Float32Array)[];

/** A mock's own methods, as a program without types calls them. */
export interface Loose extends Pick<MockTokenizer, "info" | "calls" | "codebookVectors" | "views" | "dispose"> {
  encode(input: Images, options?: EncodeOptions): Promise<ImageTokens | ImageTokens[]>;
  decode(input: Tokens, options?: DecodeOptions): Promise<RgbImage | RgbImage[]>;
  embed(input: Images, options?: EmbedOptions): Promise<ImageEmbeddings | ImageEmbeddings[]>;
}

/** A mock with other methods, which may call its own. */
export function broken(
  change: (mock: Loose) => { readonly [K in keyof VisionTokenizer]?: unknown },
  options: MockTokenizerOptions = {},
): VisionTokenizer {
  const mock = mockTokenizer(options);
  // An overloaded method takes no union: one overload stands for all, since the mock looks at what it gets.
  const changed = change({
    info: mock.info,
    calls: mock.calls,
    encode: (input, options) => mock.encode(input as ImageInput, options),
    decode: (input, options) => mock.decode(input as TokenIds, options),
    embed: (input, options) => mock.embed(input as ImageInput, options),
    codebookVectors: (ids) => mock.codebookVectors(ids),
    views: (image) => mock.views(image),
    dispose: () => mock.dispose(),
  });
  return new Proxy<VisionTokenizer>(mock, {
    get(target, name) {
      if (Object.hasOwn(changed, name)) return Reflect.get(changed, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A mock whose `encode` gives something else; `index` is the image's place among many, or null. */
export const encodes = (
  change: (tokens: ImageTokens, index: number | null) => object,
  options?: MockTokenizerOptions,
): VisionTokenizer =>
  broken(
    ({ encode }) => ({
      encode: async (input: Images, options?: EncodeOptions) => {
        const result = await encode(input, options);
        return Array.isArray(result) ? result.map(change) : change(result, null);
      },
    }),
    options,
  );

/** A mock whose `encode` sees something else. */
export const sees = (change: (input: Images, options: EncodeOptions) => [Images, EncodeOptions]): VisionTokenizer =>
  broken(({ encode }) => ({
    encode: async (input: Images, options: EncodeOptions = {}) => encode(...change(input, options)),
  }));

/** A mock whose `encode` rejects with something else. */
export const rejects = (change: (error: unknown) => unknown): VisionTokenizer =>
  broken(({ encode }) => ({
    encode: (input: Images, options?: EncodeOptions) =>
      encode(input, options).catch((error: unknown) => {
        throw change(error);
      }),
  }));

/** A mock whose `decode` gives something else. */
export const decodes = (
  change: (image: RgbImage, index: number | null) => RgbImage,
  options?: MockTokenizerOptions,
): VisionTokenizer =>
  broken(
    ({ decode }) => ({
      decode: async (input: Tokens, options?: DecodeOptions) => {
        const result = await decode(input, options);
        return Array.isArray(result) ? result.map(change) : change(result, null);
      },
    }),
    options,
  );

/** Hands the tokens of one call to another that comes in between. */
export function mixesCalls(): VisionTokenizer {
  let latest: Images = [];
  return broken(({ encode }) => ({
    encode: async (input: Images, options?: EncodeOptions) => {
      const many = Array.isArray(input);
      latest = input;
      await wait(1);
      return encode(Array.isArray(latest) === many ? latest : input, options);
    },
  }));
}

/** Keeps its results, and gives them again. */
export function remembers(): VisionTokenizer {
  const kept = new Map<string, ImageTokens>();
  return encodes((tokens) => {
    const key = `${tokens.ids} ${tokens.features}`;
    const known = kept.get(key) ?? tokens;
    kept.set(key, known);
    return known;
  });
}

/** The error without its index. */
export const withoutIndex = (error: unknown): unknown =>
  VqraeError.isInstance(error) ? new VqraeError(error.code, error.message) : error;

/** A model that does not keep to the contract. */
export interface Break {
  readonly make: () => ConformingModel;
  /** All tests that fail. */
  readonly fails: readonly string[];
  /** What the first of them says. */
  readonly says: string;
}

/** The tests that fail, each with what it says. */
async function failures(make: () => ConformingModel): Promise<[name: string, message: string][]> {
  const failed: [string, string][] = [];
  for (const { name, run } of conformanceTests(make)) {
    await run().catch((error: Error) => failed.push([name, error.message]));
  }
  return failed;
}

/** Each of them fails the tests that it must fail, and no others. */
export function theSuiteFails(of: string, breaks: Record<string, Break>): void {
  describe(`of ${of}, the suite fails`, () => {
    it.each(Object.entries(breaks))("on %s", async (_, { make, fails, says }) => {
      const failed = await failures(make);
      expect(failed.map(([name]) => name)).toEqual(fails);
      expect(failed[0]?.[1]).toContain(says);
    });
  });
}

/** A plain error in place of a `VqraeError`. */
export const withoutType = (error: unknown): unknown =>
  error instanceof Error && error.name === "VqraeError" ? new Error(error.message) : error;
