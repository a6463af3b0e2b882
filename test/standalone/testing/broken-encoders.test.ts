import type { EncodeOptions, ImageEmbeddings, ImageInput } from "../../../sdk/index.ts";
import {
  broken,
  encodes,
  type Images,
  mixesCalls,
  rejects,
  remembers,
  sees,
  theSuiteFails,
  withoutIndex,
  withoutType,
} from "./broken.ts";

/** What depends on the batch, in whatever way, shows in each of these. */
const batches = [
  "encode: many images give what each gives alone, in their order",
  "encode: an image gives the same in other company, in another order and again",
  "encode: a path, a URL, bytes and raw pixels of one image give the same",
  "encode: each result has memory of its own",
  "encode: calls at once do not mix",
];

theSuiteFails("info", {
  "an object without a role": {
    make: () => ({ [Symbol.asyncDispose]: async () => {} }) as never,
    fails: ["info: the object has a role"],
    says: "expected a function encode, decode, embed or views but received none",
  },
  "maxTokens that is not the grid's": {
    make: () => broken(({ info }) => ({ info: { ...info, maxTokens: 15 } })),
    fails: ["info: the encoder's sizes agree", "encode: features and ids have the shapes and types that info states"],
    says: "info.maxTokens, the tokens of info.grid: expected 16 but received 15",
  },
  "an empty licence": {
    make: () => broken(({ info }) => ({ info: { ...info, licence: "" } })),
    fails: ["info: names the model and what it runs on"],
    says: 'info.licence, where it is not null: expected a text but received ""',
  },
  "ids to decode without a codebook": {
    make: () => broken(({ info }) => ({ info: { ...info, decodes: "ids" } }), { codebook: null }),
    fails: [
      "info: the decoder's input and output agree",
      "reconstructionTarget: gives an RGB image of info.outputSize",
      "reconstructionTarget: a path, a URL, bytes and raw pixels of one image give the same",
      "reconstructionTarget: leaves the caller's image as it is",
      "reconstructionTarget: what is no image is refused",
    ],
    says: 'info: decodes is "ids" but codebook is null',
  },
  "a projector without a width": {
    make: () => broken(({ info }) => ({ info: { ...info, projector: { ...info.projector, inputDim: 0 } } })),
    fails: ["info: the projector's widths are there"],
    says: "info.projector.inputDim: expected a whole number from 1 but received 0",
  },
  "info that counts calls": {
    make: () =>
      broken((mock) => ({
        get info() {
          return { ...mock.info, deviceReason: `${mock.calls.length} calls` };
        },
      })),
    fails: ["info: stays as it is when the model works"],
    says: "info after a call: expected {",
  },
});

theSuiteFails("results", {
  "ids as plain arrays": {
    make: () => encodes(({ ids, ...rest }) => (ids ? { ...rest, ids: [...ids] } : rest)),
    fails: ["encode: features and ids have the shapes and types that info states"],
    says: "encode, image 0: expected ids to be an Int32Array but received [6, ",
  },
  "an id beyond the codebook": {
    make: () =>
      encodes(({ ids, ...rest }) => (ids ? { ...rest, ids: ids.map((id) => id + 16) } : rest), { decodes: null }),
    fails: ["encode: features and ids have the shapes and types that info states"],
    says: "encode, image 0: expected ids from 0 to 15 but id 0 is 22",
  },
  "features of another width": {
    make: () => encodes(({ features, ...rest }) => (features ? { ...rest, features: features.slice(1) } : rest)),
    fails: ["encode: features and ids have the shapes and types that info states"],
    says: "encode, image 0: features, [16, 8]: how many numbers: expected 128 but received 127",
  },
  "features that are not finite": {
    make: () => encodes(({ features, ...rest }) => (features ? { ...rest, features: features.with(0, 1 / 0) } : rest)),
    fails: ["encode: features and ids have the shapes and types that info states"],
    says: "encode, image 0: features, [16, 8]: expected finite numbers but number 0 is Infinity",
  },
  "the same for every picture": {
    make: () =>
      encodes((tokens) => {
        for (const buffer of [tokens.features, tokens.classToken, tokens.ids]) buffer?.fill(0);
        return tokens;
      }),
    fails: ["encode: pictures that differ give results that differ"],
    says: "encode: all pictures give the same features and ids",
  },
  "results out of order": {
    make: () =>
      broken(({ encode }) => ({
        encode: async (input: Images, options?: EncodeOptions) => {
          const result = await encode(input, options);
          return Array.isArray(result) ? result.reverse() : result;
        },
      })),
    fails: batches.filter((name) => !/raw pixels|memory/.test(name)),
    says: "encode(images) and encode(image), image 0: ids: number 0 is 7 in one call and 6 in another",
  },
  "ids that depend on the batch": {
    make: () =>
      encodes((tokens, index) => (index && tokens.ids ? { ...tokens, ids: tokens.ids.map((id) => id ^ 1) } : tokens)),
    fails: batches,
    says: "encode(images) and encode(image), image 1: ids: number 0 is 1 in one call and 0 in another",
  },
  "features that depend on the batch": {
    make: () =>
      encodes(({ features, ...rest }, index) => ({
        ...rest,
        ...(features && { features: index === null ? features : features.map((value) => value + 1e-3) }),
      })),
    fails: batches,
    says: "encode(images) and encode(image), image 0: features: number 0 is 0.524",
  },
  "one memory for the results of one image": {
    make: remembers,
    fails: ["encode: each result has memory of its own"],
    says: "encode of an image, after the result of its twin was overwritten: ids: number 0 is 0 in one call and 6 in",
  },
  "calls that mix": {
    make: mixesCalls,
    fails: ["encode: calls at once do not mix"],
    says: "encode of many images beside other calls, image 0: ids: number 0 is 7 in one call and 6 in another",
  },
  "no list for no images": {
    make: () =>
      broken(({ encode }) => ({
        encode: async (input: Images, options?: EncodeOptions) => {
          const result = await encode(input, options);
          return Array.isArray(result) && result.length === 0 ? null : result;
        },
      })),
    fails: ["encode: no images give no results"],
    says: "encode([]): expected [] but received null",
  },
  "a wrong number of embeddings": {
    make: () =>
      broken(({ embed }) => ({
        embed: async (input: Images) => {
          const off = (result: ImageEmbeddings) => ({ ...result, tokens: 3 });
          const result = await embed(input);
          return Array.isArray(result) ? result.map(off) : off(result);
        },
      })),
    fails: [
      "embed: segments hold as many embeddings as tokens says, each of embeddingDim numbers",
      "embed: an unknown option is refused",
      "embed: rejects with the reason of a signal that has aborted",
      "embed: rejects with the reason of a signal that aborts during the call, and works on",
    ],
    says: "embed, image 0: tokens, the embeddings of all segments: expected 16 but received 3",
  },
});

theSuiteFails("arguments", {
  "both outputs, whatever is asked": {
    make: () => sees((input, { signal }) => [input, signal ? { signal } : {}]),
    fails: [
      "encode: gives what its options ask for and nothing else",
      "encode: neither features nor ids is refused",
      "encode: an option of the wrong type is refused",
      "encode: an unknown option is refused",
    ],
    says: 'encode(image, {"features":true,"ids":false}): the fields of the result: expected ["classToken","features","grid"]',
  },
  "paths refused": {
    make: () =>
      sees((input, options) => [
        typeof input === "string" && /^[^:]*picture.png$/.test(input) ? new Uint8Array() : input,
        options,
      ]),
    fails: ["encode: a path, a URL, bytes and raw pixels of one image give the same"],
    says: "encode of the image as a path: expected a result but received VqraeError: Expected",
  },
  "the caller's pixels overwritten": {
    make: () =>
      broken(({ encode }) => ({
        encode: async (input: Images, options?: EncodeOptions) => {
          const result = await encode(input, options);
          const images: readonly ImageInput[] = Array.isArray(input) ? input : [];
          for (const image of images) if (typeof image === "object" && "data" in image) image.data.fill(0);
          return result;
        },
      })),
    fails: ["encode: leaves the caller's images as they are"],
    says: "the raw pixels after encode: number 0 was ",
  },
  "unknown options taken": {
    make: () =>
      sees((input, options) => [
        input,
        Object.fromEntries(Object.entries(options).filter(([name]) => ["features", "ids", "signal"].includes(name))),
      ]),
    fails: ["encode: an unknown option is refused"],
    says: 'encode with the option "sginal": expected a rejection with INVALID_ARGUMENT but it resolved to an object',
  },
  "signals passed over": {
    make: () => sees((input, { signal, ...options }) => [input, options]),
    fails: [
      "encode: an option of the wrong type is refused",
      "encode: rejects with the reason of a signal that has aborted",
      "encode: rejects with the reason of a signal that aborts during the call, and works on",
    ],
    says: "encode with signal: an object of type Object: expected a rejection with INVALID_ARGUMENT",
  },
  "an abort's reason replaced": {
    make: () => rejects((error) => (error instanceof Error && error.name === "Error" ? new Error("aborted") : error)),
    fails: [
      "encode: rejects with the reason of a signal that has aborted",
      "encode: rejects with the reason of a signal that aborts during the call, and works on",
    ],
    says: "encode with a signal that has aborted: expected a rejection with the signal's reason but received Error: aborted",
  },
  "errors without an index": {
    make: () => rejects(withoutIndex),
    fails: ["encode: what is no image is refused, and its index among many is told"],
    says: "encode of undefined at place 4: expected the error's index to be 4 but received undefined",
  },
  "errors of no type": {
    make: () => rejects((error) => (error instanceof TypeError ? error : withoutType(error))),
    fails: [
      "encode: neither features nor ids is refused",
      "encode: an option of the wrong type is refused",
      "encode: what is no image is refused, and its index among many is told",
      "encode: works on after an image that it refused",
      "encode: an unknown option is refused",
      "dispose: may be called twice; every call after it rejects with DISPOSED",
      "dispose: during calls lets each of them end, with its result or with DISPOSED",
    ],
    says: "encode with features: false and ids: false: expected a VqraeError with code INVALID_ARGUMENT but received Error",
  },
  "errors thrown instead of rejected": {
    make: () =>
      broken(({ encode }) => ({
        encode: (input: Images, options?: EncodeOptions) => {
          if (input === undefined) throw new TypeError("no image");
          return encode(input, options);
        },
      })),
    fails: [
      "encode: what is no image is refused, and its index among many is told",
      "encode: works on after an image that it refused",
    ],
    says: "but it threw TypeError: no image before it returned a promise",
  },
});
