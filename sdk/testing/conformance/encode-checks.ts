import {
  type CodebookInfo,
  type EncoderInfo,
  type ImageIds,
  type ImageTokens,
  idsPerImage,
} from "../../contract/encoder.ts";
import type { TokenGrid } from "../../contract/image.ts";
import { describe } from "../../errors.ts";
import { check, equal, positive, refuses, sameNumbers } from "./assertions.ts";
import { type Check, NotApplicable } from "./subject.ts";

export const encodeChecks: readonly Check[] = [
  [
    "encode: features and ids have the shapes and types that info states",
    async (subject) => {
      const { info } = subject.encoder;
      for (const [i, tokens] of (await subject.encodeMany(subject.pictures())).entries()) {
        shapes(tokens, info, `encode, image ${i}`);
      }
    },
  ],
  [
    "encode: pictures that differ give results that differ",
    async (subject) => {
      const [first, ...others] = await subject.encodeMany(subject.pictures());
      const numbers = ({ features, ids }: ImageTokens<ImageIds>) => [...(features ?? []), ...(ids ?? [])].join();
      check(
        first && others.some((other) => numbers(other) !== numbers(first)),
        "encode: all pictures give the same features and ids",
      );
    },
  ],
  [
    "encode: gives what its options ask for and nothing else",
    async (subject) => {
      const { encoder, settings } = subject;
      const { featureDim, codebook } = encoder.info;
      const both = await subject.encode(subject.picture());
      const kinds = [
        ["ids", featureDim === null ? null : { features: true, ids: false }],
        ["features", codebook === null ? null : { features: false, ids: true }],
      ] as const;
      for (const [without, options] of kinds) {
        if (options === null) continue;
        const what = `encode(image, ${JSON.stringify(options)})`;
        const result: ImageTokens<ImageIds> = await encoder.encode(subject.picture(), options);
        const wanted = Object.keys(both).filter(
          (key) => key !== without && !(without === "features" && key === "classToken"),
        );
        equal(Object.keys(result).sort(), wanted.sort(), `${what}: the fields of the result`);
        sameNumbers(result.ids ?? [], options.ids ? (both.ids ?? []) : [], 0, `${what}: ids`);
        const features = options.features ? (both.features ?? []) : [];
        sameNumbers(result.features ?? [], features, settings.featureTolerance, `${what}: features`);
      }
      if (featureDim === null) return;
      const plain: ImageTokens<ImageIds> = await encoder.encode(subject.picture());
      equal(
        Object.keys(plain).sort(),
        Object.keys(both).sort(),
        "encode(image) without options: the fields of the result",
      );
    },
  ],
  [
    "encode: neither features nor ids is refused",
    async (subject) => {
      const { encoder } = subject;
      const call = () => encoder.encode(subject.picture(), { features: false, ids: false });
      await refuses(call, ["INVALID_ARGUMENT"], "encode with features: false and ids: false");
    },
  ],
  [
    "encode: an option of the wrong type is refused",
    async (subject) => {
      const { encoder } = subject;
      for (const [name, value] of [
        ["features", "yes"],
        ["ids", 1],
        ["signal", {}],
      ] as const) {
        const options = Object.fromEntries([[name, value]]);
        const call = () => encoder.encode(subject.picture(), options);
        await refuses(call, ["INVALID_ARGUMENT"], `encode with ${name}: ${describe(value)}`);
      }
    },
  ],
  [
    "encode: ids without a codebook are UNSUPPORTED",
    async (subject) => {
      const { encoder } = subject;
      if (encoder.info.codebook !== null) throw new NotApplicable("the model has a codebook");
      const call = () => encoder.encode(subject.picture(), { ids: true });
      await refuses(call, ["UNSUPPORTED"], "encode with ids: true");
    },
  ],
  [
    "encode: features of a model that has none are UNSUPPORTED",
    async (subject) => {
      const { encoder } = subject;
      if (encoder.info.featureDim !== null) throw new NotApplicable("the model has features");
      const call = () => encoder.encode(subject.picture(), { features: true });
      await refuses(call, ["UNSUPPORTED"], "encode with features: true");
    },
  ],
];

function shapes(result: ImageTokens<ImageIds>, info: EncoderInfo<ImageIds | null>, what: string): void {
  const { grid, features, classToken, ids } = result;
  const { featureDim, codebook } = info;
  positive(grid?.rows, `${what}: grid.rows`);
  positive(grid.columns, `${what}: grid.columns`);
  if (info.grid) equal({ ...grid }, { ...info.grid }, `${what}: grid, which info.grid states`);
  const tokens = grid.rows * grid.columns;
  check(
    tokens <= info.maxTokens,
    `${what}: expected at most ${info.maxTokens} tokens (info.maxTokens) but received ${tokens}`,
  );

  if (featureDim === null)
    equal("features" in result, false, `${what}: whether there are features, without featureDim`);
  else floats(features, tokens * featureDim, `${what}: features, [${tokens}, ${featureDim}]`);
  if (classToken !== undefined) floats(classToken, featureDim ?? 0, `${what}: classToken, [featureDim]`);

  if (codebook === null) equal("ids" in result, false, `${what}: whether there are ids, without a codebook`);
  else idsOf(ids, grid, codebook, what);
}

function idsOf(ids: ImageIds | undefined, grid: TokenGrid, codebook: CodebookInfo, what: string): void {
  const { rows, columns } = grid;
  check(ids !== undefined, `${what}: expected ids but received none`);
  const bits = ids instanceof Uint8Array;
  check(bits || ids instanceof Int32Array, `${what}: expected ids to be an Int32Array but received ${describe(ids)}`);
  if (bits)
    equal(ids.length % (rows * columns), 0, `${what}: ids, bits that are left over when each token has as many`);
  else
    equal(ids.length, idsPerImage(codebook, grid), `${what}: ids, [tokens, ${codebook.codesPerToken}], of all scales`);
  const end = bits ? 2 : codebook.size;
  const outside = ids.findIndex((id) => id < 0 || id >= end);
  check(outside < 0, `${what}: expected ids from 0 to ${end - 1} but id ${outside} is ${ids[outside]}`);
}

function floats(values: Float32Array | undefined, length: number, what: string): void {
  check(values instanceof Float32Array, `${what}: expected a Float32Array but received ${describe(values)}`);
  equal(values.length, length, `${what}: how many numbers`);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  check(bad < 0, `${what}: expected finite numbers but number ${bad} is ${values[bad]}`);
}
