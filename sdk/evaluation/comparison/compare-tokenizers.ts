import * as z from "zod";
import type { Classifier } from "../../contract/classifier.ts";
import type { Decoder } from "../../contract/decoder.ts";
import type { Encoder } from "../../contract/encoder.ts";
import type { ImageSize, RgbImage } from "../../contract/image.ts";
import type { Views } from "../../contract/views.ts";
import { expected } from "../../errors.ts";
import { readImage } from "../../image/read/read-image.ts";
import { option, parseOptions } from "../../options.ts";
import { setFields } from "../../set-fields.ts";
import type { FeatureNetwork } from "../feature-network/feature-network.ts";
import type { LabelledFile } from "../image-folder.ts";
import { evaluateReconstruction, judgeOptions } from "../reconstruction/evaluate-reconstruction.ts";
import { cropFor, encodeAll, type ReconstructionCrop } from "../reconstruction/reconstruct.ts";
import { type ReconstructionReport, spreadOf } from "../reconstruction/report.ts";
import { type CodecAtBytes, type CodecCurve, CodecCurves, CodecsAtBytes } from "./codec-scores.ts";
import type { CodedPicture, ImageCodec } from "./image-codecs.ts";
import { type TokenRate, tokenRate } from "./token-rate.ts";

/** A tokenizer to compare. It is loaded when its turn comes and freed after it. */
export interface ComparedTokenizer {
  /** What the comparison calls it. */
  readonly name: string;
  /** Of its weights, where you know them. */
  readonly parameters?: number;
  load(): Promise<Encoder & Decoder & Views>;
}

/** How `compareTokenizers` measures. */
export interface CompareTokenizersOptions {
  /** How images are cut before they are encoded. Default "none": each tokenizer's own preparation. */
  readonly crop?: ReconstructionCrop | undefined;
  /** The network for the Frechet distance. You dispose it. */
  readonly network?: FeatureNetwork | undefined;
  /** A classifier that sees originals and what comes back, such as `openClassifier` gives. You dispose it. */
  readonly classifier?: Classifier | undefined;
  /** Measure JPEG, WebP and AVIF beside them (default true). It takes about a second an image. */
  readonly codecs?: boolean | undefined;
  /** Images whose pictures are kept (default 6). */
  readonly pictures?: number | undefined;
  /** Images with more pixels are counted as failed (default 100 megapixels). */
  readonly maxPixels?: number | undefined;
  /** Called after each image with the tokenizer's name, its images done so far, and all of them. */
  readonly onProgress?: (name: string, done: number, total: number) => void;
  /** Acts between batches. */
  readonly signal?: AbortSignal | undefined;
}

/** What tokenizers make of the same images. */
export interface TokenizerComparison {
  readonly tokenizers: readonly MeasuredTokenizer[];
  /**
   * Codecs over qualities, for each size of pictures that a tokenizer gives, on the originals of the first one that does. Empty
   * without codecs.
   */
  readonly curves: readonly Curves[];
}

interface Curves {
  readonly outputSize: ImageSize;
  readonly codecs: readonly CodecCurve[];
}

/** What one tokenizer makes of the images, and what it costs. */
export interface MeasuredTokenizer {
  readonly name: string;
  readonly licence: string | null;
  /** null where nobody said. */
  readonly parameters: number | null;
  readonly outputSize: ImageSize;
  /** null for a tokenizer without a codebook, which decodes features: nothing bounds what these cost. */
  readonly rate: TokenRate | null;
  readonly reconstruction: ReconstructionReport;
  /** Medians over up to 8 images, one at a time: pixels to ids or features, and these to pixels. */
  readonly milliseconds: { readonly encode: number; readonly decode: number; readonly device: string };
  /** Codecs at the bytes of its ids; empty without codecs or ids. */
  readonly codecs: readonly CodecAtBytes[];
}

/** One image as a tokenizer, and codecs at the same bytes, show it. */
export interface ComparedPicture {
  readonly path: string;
  readonly tokenizer: string;
  readonly original: RgbImage;
  readonly decoded: RgbImage;
  /** null without codecs or ids. */
  readonly coded: Readonly<Record<ImageCodec, CodedPicture>> | null;
}

const schema = z.strictObject({
  crop: option.custom<ReconstructionCrop>('"none", "adm" or "pil"', (value) => typeof value === "string"),
  ...judgeOptions,
  codecs: option.flag,
  pictures: option.integer(0),
  maxPixels: option.integer(1),
  onProgress: option.callback<(name: string, done: number, total: number) => void>(),
  signal: option.signal,
});

/** Images that are timed. */
const TIMED = 8;

/**
 * Measures tokenizers on the same images, one after the other: what comes back, what ids cost, and what JPEG, WebP and AVIF make
 * of as many bytes. Only the kept pictures stay in memory.
 * @throws INVALID_ARGUMENT for no tokenizer, two of one name, no readable image or a wrong option; UNSUPPORTED for one
 * that decodes nothing; what loading throws; the signal's reason
 */
export async function compareTokenizers(
  tokenizers: readonly ComparedTokenizer[],
  files: readonly LabelledFile[],
  options: CompareTokenizersOptions = {},
): Promise<{ readonly comparison: TokenizerComparison; readonly pictures: readonly ComparedPicture[] }> {
  const settings = parseOptions(schema, options, "compareTokenizers");
  requireNames(tokenizers);
  const measured: MeasuredTokenizer[] = [];
  const curves: Curves[] = [];
  const pictures: ComparedPicture[] = [];
  for (const compared of tokenizers) {
    const tokenizer = await compared.load();
    try {
      measured.push(await measure(compared, tokenizer, files, settings, { curves, pictures }));
    } finally {
      await tokenizer[Symbol.asyncDispose]();
    }
  }
  return { comparison: { tokenizers: measured, curves }, pictures };
}

async function measure(
  { name, parameters }: ComparedTokenizer,
  tokenizer: Encoder & Decoder & Views,
  files: readonly LabelledFile[],
  settings: z.infer<typeof schema>,
  found: { readonly curves: Curves[]; readonly pictures: ComparedPicture[] },
): Promise<MeasuredTokenizer> {
  const { crop, network, classifier, maxPixels, signal } = settings;
  const { licence, device, outputSize, codebook } = tokenizer.info;
  if (outputSize === null) throw expected("UNSUPPORTED", "a tokenizer with a decoder", "compareTokenizers", name);
  const rate = codebook && tokenRate(tokenizer.info, codebook, outputSize);
  const withCodecs = settings.codecs !== false;
  const atBytes = withCodecs && rate ? new CodecsAtBytes(rate.bytes, classifier) : null;
  const sameSize = ({ outputSize: { width, height } }: Curves) =>
    width === outputSize.width && height === outputSize.height;
  const curves = withCodecs && !found.curves.some(sameSize) ? new CodecCurves() : null;
  let kept = 0;
  const reconstruction = await evaluateReconstruction(tokenizer, files, {
    ...setFields({ crop, network, classifier, maxPixels, signal }),
    onProgress: (done, total) => settings.onProgress?.(name, done, total),
    async onReconstruction({ path, label }, { original, decoded }) {
      signal?.throwIfAborted();
      const coded = (await atBytes?.add(original, label, signal)) ?? null;
      await curves?.add(original);
      if (kept++ < (settings.pictures ?? 6)) found.pictures.push({ path, tokenizer: name, original, decoded, coded });
    },
  });
  if (curves) found.curves.push({ outputSize, codecs: curves.curves() });
  const milliseconds = { ...(await timed(tokenizer, reconstruction, settings)), device };
  const codecs = atBytes?.scores() ?? [];
  return { name, licence, parameters: parameters ?? null, outputSize, rate, reconstruction, milliseconds, codecs };
}

function requireNames(tokenizers: readonly ComparedTokenizer[]): void {
  if (tokenizers.length === 0) {
    throw expected("INVALID_ARGUMENT", "at least one tokenizer", "compareTokenizers", tokenizers);
  }
  const twice = tokenizers.find(({ name }, i) => tokenizers.findIndex((other) => other.name === name) !== i);
  if (twice) throw expected("INVALID_ARGUMENT", "a name for each tokenizer", "compareTokenizers", twice.name);
}

/** One image at a time; the evaluation before has warmed the graphs up. */
async function timed(
  tokenizer: Encoder & Decoder & Views,
  { perImage, protocol: { crop } }: ReconstructionReport,
  { maxPixels, signal }: Pick<z.infer<typeof schema>, "maxPixels" | "signal">,
): Promise<{ encode: number; decode: number }> {
  const prepare = cropFor(tokenizer, crop);
  const times: { encode: number; decode: number }[] = [];
  for (const { path } of perImage.slice(0, TIMED)) {
    signal?.throwIfAborted();
    const image = prepare(await readImage(path, { maxPixels }));
    const start = performance.now();
    const { tokens } = await encodeAll(tokenizer, [image]);
    const encoded = performance.now();
    await tokenizer.decode(tokens);
    times.push({ encode: encoded - start, decode: performance.now() - encoded });
  }
  const median = (which: "encode" | "decode") =>
    spreadOf(
      times.map((time) => time[which]),
      false,
    ).median;
  return { encode: median("encode"), decode: median("decode") };
}
