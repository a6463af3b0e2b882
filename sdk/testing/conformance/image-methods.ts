import type { ImageEmbeddings } from "../../contract/embedder.ts";
import type { ImageIds, ImageTokens } from "../../contract/encoder.ts";
import type { ImageInput } from "../../contract/image.ts";
import { sameEmbeddings, sameTokens } from "./assertions.ts";
import type { Subject } from "./subject.ts";

/** A method that takes one image or many: the same is asked of `encode` and of `embed`. */
export interface ImageMethod<T> {
  readonly name: string;
  /** @throws NotApplicable for a model without the method */
  require(subject: Subject): unknown;
  one(subject: Subject, image: ImageInput, options?: CallOptions): Promise<T>;
  many(subject: Subject, images: readonly ImageInput[], options?: CallOptions): Promise<T[]>;
  /** Fails where two results of one image are not the same. */
  same(subject: Subject, actual: T, wanted: T, what: string): void;
  /** All numbers of a result, to be overwritten. */
  buffers(result: T): (Float32Array | ImageIds)[];
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export const encodeMethod: ImageMethod<ImageTokens<ImageIds>> = {
  name: "encode",
  require: ({ encoder }) => encoder,
  one: (subject, image, options) => subject.encoder.encode(image, { ...subject.everything, ...options }),
  many: (subject, images, options) => subject.encoder.encode(images, { ...subject.everything, ...options }),
  same: ({ settings }, actual, wanted, what) => sameTokens(actual, wanted, settings.featureTolerance, what),
  buffers: ({ features, classToken, ids }) => [features, classToken, ids].filter((buffer) => buffer !== undefined),
};

export const embedMethod: ImageMethod<ImageEmbeddings> = {
  name: "embed",
  require: ({ embedder }) => embedder,
  one: ({ embedder }, image, options) => embedder.embed(image, options),
  many: ({ embedder }, images, options) => embedder.embed(images, options),
  same: ({ settings }, actual, wanted, what) => sameEmbeddings(actual, wanted, settings.featureTolerance, what),
  buffers: ({ segments }) => segments.flatMap((segment) => (segment.type === "text" ? [] : [segment.data])),
};
