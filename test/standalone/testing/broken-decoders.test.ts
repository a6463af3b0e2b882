import type { ImageInput, TokenIds } from "../../../sdk/index.ts";
import { broken, decodes, type Tokens, theSuiteFails } from "./broken.ts";

theSuiteFails("decoders", {
  "images of another size": {
    make: () => decodes((image) => ({ ...image, width: image.height * 2, height: image.width / 2 })),
    fails: ["decode: gives an image of info.outputSize"],
    says: 'decode(tokens): its size: expected {"width":32,"height":32} but received {"width":64,"height":16}',
  },
  "pixels that depend on the batch": {
    make: () =>
      decodes((image, index) => (index === null ? image : { ...image, data: image.data.map((v) => 255 - v) })),
    fails: [
      "decode: many images give what each gives alone, in their order and again",
      "decode: calls at once do not mix",
    ],
    says: "decode(images) and decode(tokens), image 0: byte 0 is ",
  },
  "ids that do not fit taken": {
    make: () =>
      broken(({ decode }) => ({
        decode: (input: Tokens, options = {}) =>
          decode(input, options).catch((error: Error) => {
            if (error.message.includes("ids (4 rows of 4)")) return decode(new Int32Array(16), options);
            throw error;
          }),
      })),
    fails: ["decode: tokens that do not fit are refused, and their index among many is told"],
    says: "decode of one number too few: expected a rejection with INVALID_ARGUMENT but it resolved to an object",
  },
  "a seed passed over": {
    make: () =>
      broken(
        ({ decode }) => ({ decode: (input: Tokens, { seed, ...options } = { seed: 0 }) => decode(input, options) }),
        {
          samples: true,
        },
      ),
    fails: [
      "decode: many images give what each gives alone, in their order and again",
      "decode: a seed gives the same pixels again",
      "decode: takes ids as an array of numbers",
      "decode: the option grid has to fit",
      "decode: calls at once do not mix",
      "decode: rejects with the reason of a signal that aborts during the call, and works on",
    ],
    says: "decode(images) and decode(tokens), image 0: byte 0 is ",
  },
  "pixels without a decoder": {
    make: () =>
      broken(() => ({ decode: async () => ({ data: new Uint8Array(3), width: 1, height: 1 }) }), { decodes: null }),
    fails: ["decode: without a decoder is UNSUPPORTED"],
    says: "decode without a decoder: expected a rejection with UNSUPPORTED but it resolved to an object of type Object",
  },
  "rows of the codebook that are too short": {
    make: () =>
      broken(({ codebookVectors }) => ({
        codebookVectors: async (ids: TokenIds) => (await codebookVectors(ids)).slice(1),
      })),
    fails: ["codebookVectors: gives a row of codebook.dim numbers for each id, the same for the same id"],
    says: "codebookVectors(ids): numbers, [4, 3]: expected 12 but received 11",
  },
});

theSuiteFails("views", {
  "no views": {
    make: () => broken(({ views }) => ({ views: async (image: ImageInput) => (await views(image)).slice(1) })),
    fails: ["views: gives one RGB image or more"],
    says: "views: expected at least one image but received none",
  },
  "a view in the caller's memory": {
    make: () =>
      broken(({ views }) => ({
        views: async (image: ImageInput) => {
          const own = await views(image);
          return typeof image === "object" && "data" in image ? [image] : own;
        },
      })),
    fails: ["views: leaves the caller's image as it is"],
    says: "the raw pixels after the result of views was overwritten: number 0 was ",
  },
  "a target of another size": {
    make: () => broken(({ views }) => ({ reconstructionTarget: async (image: ImageInput) => (await views(image))[0] })),
    fails: ["reconstructionTarget: gives an RGB image of info.outputSize"],
    says: 'reconstructionTarget, image 0: its size: expected {"width":32,"height":32} but received {"width":48',
  },
});

theSuiteFails("disposal", {
  "dispose that does nothing": {
    make: () => broken(() => ({ dispose: async () => {} })),
    fails: ["dispose: may be called twice; every call after it rejects with DISPOSED"],
    says: "encode(image) after dispose: expected a rejection with DISPOSED but it resolved to an object of type Object",
  },
  "asyncDispose that does nothing": {
    make: () => broken(() => ({ [Symbol.asyncDispose]: async () => {} })),
    fails: ["dispose: during calls lets each of them end, with its result or with DISPOSED"],
    says: "encode(image) after [Symbol.asyncDispose]: expected a rejection with DISPOSED but it resolved to an object",
  },
  "dispose that fails the second time": {
    make: () =>
      broken((mock) => ({
        dispose: async () => {
          if (mock.calls.some(({ method }) => method === "dispose"))
            throw new Error("there is nothing left to dispose");
          await mock.dispose();
        },
      })),
    fails: ["dispose: may be called twice; every call after it rejects with DISPOSED"],
    says: "there is nothing left to dispose",
  },
});
