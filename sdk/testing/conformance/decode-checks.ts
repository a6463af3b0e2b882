import type { DecodeOptions, Decoder, TokenIds } from "../../contract/decoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import { check, equal, refuses, rejectsWith, rgbImage, samePixels, untouched } from "./assertions.ts";
import type { DecodableTokens } from "./options.ts";
import { type Check, NotApplicable, type Subject } from "./subject.ts";

type Tokens = TokenIds | Float32Array;

/** Every call has it, so that a decoder that samples gives the same pixels. */
const SEED = 7;

/** The decoder's options: the seed, and the grid where the model needs it. */
function optionsFor({ info }: Decoder, grid: DecodableTokens["grid"]): DecodeOptions {
  return { seed: SEED, ...(info.grid === null && { grid }) };
}

/** What the tests decode, with the options that go with it. */
async function prepare(subject: Subject) {
  const { decoder } = subject;
  const [first, second, ...others] = await subject.decodable();
  return {
    decoder,
    first: first.tokens,
    second: second.tokens,
    all: [first, second, ...others].map(({ tokens }) => tokens),
    grid: first.grid,
    options: optionsFor(decoder, first.grid),
  };
}

export const decodeChecks: readonly Check[] = [
  [
    "decode: gives an image of info.outputSize",
    async (subject) => {
      const { decoder, first, options } = await prepare(subject);
      rgbImage(await decoder.decode(first, options), decoder.info.outputSize, "decode(tokens)");
    },
  ],
  [
    "decode: many images give what each gives alone, in their order and again",
    async (subject) => {
      const { decoder, all, options } = await prepare(subject);
      const alone: RgbImage[] = [];
      for (const tokens of all) alone.push(await decoder.decode(tokens, options));
      sameAll(subject, await decoder.decode(all, options), alone, "decode(images) and decode(tokens)");
      const reversed = await decoder.decode(all.toReversed(), options);
      sameAll(subject, reversed, alone.toReversed(), "decode of the images in reverse");
    },
  ],
  [
    "decode: a seed gives the same pixels again",
    async (subject) => {
      const { decoder, first, options } = await prepare(subject);
      const image = await decoder.decode(first, options);
      const again = await decoder.decode(first, options);
      samePixels(again, image, subject.settings.pixelTolerance, `decode with seed ${SEED}, twice`);
      const wrong = () => decoder.decode(first, { ...options, seed: -1 });
      await refuses(wrong, ["INVALID_ARGUMENT"], "decode with seed: -1");
    },
  ],
  [
    "decode: takes ids as an array of numbers",
    async (subject) => {
      const { decoder, first, options } = await prepare(subject);
      if (decoder.info.decodes !== "ids") throw new NotApplicable("the model decodes features");
      const image = await decoder.decode(first, options);
      const ofArray = await decoder.decode(Array.from(first), options);
      samePixels(ofArray, image, subject.settings.pixelTolerance, "decode of an Int32Array and of an array");
    },
  ],
  [
    "decode: leaves the caller's tokens as they are",
    async (subject) => {
      const { decoder, first, options } = await prepare(subject);
      const before = Array.from(first);
      await decoder.decode([first, first], options);
      await decoder.decode(first, options);
      untouched(first, before, "the tokens after decode");
    },
  ],
  [
    "decode: tokens that do not fit are refused, and their index among many is told",
    async (subject) => {
      const { decoder, first, second, options } = await prepare(subject);
      for (const [what, bad] of badTokens(decoder, first)) {
        await refuses(() => decoder.decode(bad, options), ["INVALID_ARGUMENT"], `decode of ${what}`);
        const many = () => decoder.decode([first, second, bad, first], options);
        const { index } = await refuses(many, ["INVALID_ARGUMENT"], `decode of ${what} among images`);
        check(index === 2, `decode of ${what} at place 2: expected the error's index to be 2 but received ${index}`);
      }
    },
  ],
  [
    "decode: the option grid has to fit",
    async (subject) => {
      const { decoder, first, grid, options } = await prepare(subject);
      const image = await decoder.decode(first, options);
      const asked = await decoder.decode(first, { ...options, grid });
      samePixels(asked, image, subject.settings.pixelTolerance, "decode with the option grid");
      const other = { ...options, grid: { rows: grid.rows + 1, columns: grid.columns } };
      await refuses(() => decoder.decode(first, other), ["INVALID_ARGUMENT"], "decode with a grid of one row more");
      if (decoder.info.grid !== null) return;
      const without = () => decoder.decode(first, { seed: SEED });
      await refuses(without, ["INVALID_ARGUMENT"], "decode without a grid, where info.grid is null");
    },
  ],
  [
    "decode: an unknown option is refused",
    async (subject) => {
      const { decoder, first, options } = await prepare(subject);
      const wrong = { ...options, sede: 1 };
      await refuses(() => decoder.decode(first, wrong), ["INVALID_ARGUMENT"], 'decode with the option "sede"');
    },
  ],
  [
    "decode: calls at once do not mix",
    async (subject) => {
      const { decoder, all, options } = await prepare(subject);
      const alone = await decoder.decode(all, options);
      const calls = [...all, ...all].map((tokens) => decoder.decode(tokens, options));
      const [list, ...together] = await Promise.all([decoder.decode(all, options), ...calls]);
      sameAll(subject, together, [...alone, ...alone], `decode in ${calls.length} calls at once`);
      sameAll(subject, list, alone, "decode of many images beside other calls");
    },
  ],
  [
    "decode: rejects with the reason of a signal that has aborted",
    async (subject) => {
      const { decoder, first, all, options } = await prepare(subject);
      const reason = new Error("the test stops before the call");
      const signal = AbortSignal.abort(reason);
      const what = "decode with a signal that has aborted";
      await rejectsWith(() => decoder.decode(first, { ...options, signal }), reason, what);
      await rejectsWith(() => decoder.decode(all, { ...options, signal }), reason, what);
    },
  ],
  [
    "decode: rejects with the reason of a signal that aborts during the call, and works on",
    async (subject) => {
      const { decoder, first, all, options } = await prepare(subject);
      const image = await decoder.decode(first, options);
      const reason = new Error("the test stops during the call");
      const controller = new AbortController();
      const call = () => {
        const promise = decoder.decode([...all, ...all, ...all], { ...options, signal: controller.signal });
        controller.abort(reason);
        return promise;
      };
      await rejectsWith(call, reason, "decode with a signal that aborts right after the call");
      const after = await decoder.decode(first, options);
      samePixels(after, image, subject.settings.pixelTolerance, "decode after a call that was stopped");
    },
  ],
  [
    "decode: without a decoder is UNSUPPORTED",
    async ({ model }) => {
      if (!("decode" in model)) throw new NotApplicable("the model has no decode");
      if (model.info.decodes !== null) throw new NotApplicable("the model has a decoder");
      await refuses(() => model.decode(new Int32Array(1)), ["UNSUPPORTED"], "decode without a decoder");
    },
  ],
];

function sameAll({ settings }: Subject, actual: readonly RgbImage[], wanted: readonly RgbImage[], what: string): void {
  check(Array.isArray(actual), `${what}: expected a list of images`);
  equal(actual.length, wanted.length, `${what}: how many images there are`);
  for (const [i, image] of wanted.entries()) {
    const other = actual[i];
    if (other) samePixels(other, image, settings.pixelTolerance, `${what}, image ${i}`);
  }
}

/** What `decode` must refuse, as a program without types might pass it. */
function badTokens({ info }: Decoder, good: Tokens): [what: string, tokens: Tokens][] {
  const untyped = (value: unknown) => value as Tokens;
  const shared: [string, Tokens][] = [
    ["one number too few", good.slice(0, -1)],
    ["a text", untyped("12")],
  ];
  if (info.decodes === "features") {
    return [
      ...shared,
      ["one number too many", Float32Array.of(...good, 0)],
      ["features that are not finite", Float32Array.from(good).fill(Number.NaN, 0, 1)],
      ["ids", new Int32Array(good.length)],
    ];
  }
  const codes = info.codebook?.size ?? 0;
  const ids = Array.from(good);
  return [
    ...shared,
    ["one id too many", [...ids, 0]],
    ["a negative id", Int32Array.from(ids).fill(-1, 0, 1)],
    ["an id beyond the codebook", Int32Array.from(ids).fill(codes, 0, 1)],
    ["a fraction", [...ids].fill(0.5, 0, 1)],
    ["a number that is none", [...ids].fill(Number.NaN, 0, 1)],
    ["texts", untyped(ids.map(String))],
    ["features", Float32Array.from(ids)],
  ];
}
