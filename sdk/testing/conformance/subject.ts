import type { Decoder } from "../../contract/decoder.ts";
import type { Embedder } from "../../contract/embedder.ts";
import { type Encoder, type ImageIds, type ImageTokens, idsPerImage } from "../../contract/encoder.ts";
import type { ImageInput, RgbImage } from "../../contract/image.ts";
import type { Views } from "../../contract/views.ts";
import { seededRandom } from "../../metrics/seeded-random.ts";
import type { ConformanceSettings, DecodableTokens } from "./options.ts";
import { copyOf } from "./pictures.ts";

/** What the suite tests: an object with one role or more. */
export type ConformingModel = Encoder<ImageIds | null> | Decoder | Embedder | Views;

/** Thrown by a test that does not apply to the model. */
export class NotApplicable extends Error {}

/** Whether `embedViews` may be called: of a model with views and without `embed`, nothing says that it may not. */
export const canEmbed = (model: ConformingModel): boolean => !("embed" in model) || model.info.projector !== null;
/** The same of `reconstructionTarget`, which takes a decoder. */
export const canDecode = (model: ConformingModel): boolean => !("decode" in model) || model.info.decodes !== null;

/** A model under test, asked for its roles. */
export class Subject {
  readonly model: ConformingModel;
  readonly settings: ConformanceSettings;

  constructor(model: ConformingModel, settings: ConformanceSettings) {
    this.model = model;
    this.settings = settings;
  }

  /** @throws NotApplicable */
  get encoder(): Encoder<ImageIds | null> {
    return "encode" in this.model ? this.model : missing("encode");
  }

  /** A decoder that decodes. @throws NotApplicable */
  get decoder(): Decoder {
    if (!("decode" in this.model)) return missing("decode");
    return this.model.info.decodes === null ? missing("a decoder") : this.model;
  }

  /** The decoder, for its codebook. @throws NotApplicable */
  get codebookDecoder(): Decoder {
    if (!("decode" in this.model)) return missing("decode");
    return this.model.info.codebook === null ? missing("a codebook") : this.model;
  }

  /** An embedder with a projector. @throws NotApplicable */
  get embedder(): Embedder {
    if (!("embed" in this.model)) return missing("embed");
    return this.model.info.projector === null ? missing("a projector") : this.model;
  }

  /** @throws NotApplicable */
  get views(): Views {
    return "views" in this.model ? this.model : missing("views");
  }

  /** The pictures, in memory of their own each time. */
  pictures(): RgbImage[] {
    return this.settings.images.map(copyOf);
  }

  /** The first of them. */
  picture(): RgbImage {
    return this.pictures()[0] ?? missing("a picture");
  }

  /** Everything that the encoder gives of one image. */
  encode(image: ImageInput): Promise<ImageTokens<ImageIds>> {
    return this.encoder.encode(image, this.everything);
  }

  /** Everything that the encoder gives of many images. */
  encodeMany(images: readonly ImageInput[]): Promise<ImageTokens<ImageIds>[]> {
    return this.encoder.encode(images, this.everything);
  }

  /** The options that ask the encoder for all that it has. */
  get everything(): { readonly features: boolean; readonly ids: boolean } {
    const { featureDim, codebook } = this.encoder.info;
    return { features: featureDim !== null, ids: codebook !== null };
  }

  /** At least two images' tokens, all of one grid. @throws NotApplicable */
  async decodable(): Promise<[DecodableTokens, DecodableTokens, ...DecodableTokens[]]> {
    const all = this.settings.tokens ?? ("encode" in this.model ? await this.#encoded() : this.#madeUp());
    const [first, second, ...others] = all.filter(
      ({ grid }) => grid.rows === all[0]?.grid.rows && grid.columns === all[0].grid.columns,
    );
    if (!first || !second) throw new NotApplicable('no two images of one grid: pass some with the option "tokens"');
    return [first, second, ...others];
  }

  /** What `encode` gives of the pictures, as the decoder takes it. */
  async #encoded(): Promise<DecodableTokens[]> {
    const encoded = await this.encodeMany(this.pictures());
    const decodes = this.decoder.info.decodes;
    return encoded.flatMap(({ grid, features, ids }) => {
      const tokens = decodes === "features" ? features : ids;
      return tokens && !(tokens instanceof Uint8Array) ? [{ tokens, grid }] : [];
    });
  }

  #madeUp(): DecodableTokens[] {
    const { grid, codebook, decodes } = this.decoder.info;
    if (grid === null || codebook === null || decodes !== "ids") {
      throw new NotApplicable('a decoder alone, whose input nothing gives: pass some with the option "tokens"');
    }
    const random = seededRandom(1);
    const count = idsPerImage(codebook, grid);
    const ids = () => Int32Array.from({ length: count }, () => Math.floor(random() * codebook.size));
    return [ids(), ids(), ids()].map((tokens) => ({ tokens, grid }));
  }
}

function missing(part: string): never {
  throw new NotApplicable(`the model has no ${part.replace(/^an? /, "")}`);
}

/** One test: what it is called, and what fails where the model does not keep to the contract. */
export type Check = readonly [name: string, check: (subject: Subject) => Promise<void> | void];
