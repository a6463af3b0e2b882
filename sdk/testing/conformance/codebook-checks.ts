import type { TokenIds } from "../../contract/decoder.ts";
import { check, equal, refuses, sameNumbers, untouched } from "./assertions.ts";
import { type Check, NotApplicable, type Subject } from "./subject.ts";

const codebookOf = ({ codebookDecoder }: Subject) => {
  const { codebook } = codebookDecoder.info;
  if (codebook === null) throw new NotApplicable("the model has no codebook");
  return { decoder: codebookDecoder, ...codebook };
};

export const codebookChecks: readonly Check[] = [
  [
    "codebookVectors: gives a row of codebook.dim numbers for each id, the same for the same id",
    async (subject) => {
      const { decoder, size, dim, codesPerToken } = codebookOf(subject);
      // Whole tokens: each of their codes may have a codebook of its own.
      const token = (id: number) => new Array<number>(codesPerToken).fill(id);
      const ids = [0, size - 1, 0, size >> 1].flatMap(token);
      const vectors = await decoder.codebookVectors(ids);
      check(vectors instanceof Float32Array, "codebookVectors(ids): expected a Float32Array");
      equal(vectors.length, ids.length * dim, `codebookVectors(ids): numbers, [${ids.length}, ${dim}]`);
      check(vectors.every(Number.isFinite), "codebookVectors(ids): expected finite numbers");
      const { featureTolerance } = subject.settings;
      const width = codesPerToken * dim;
      const row = (i: number) => vectors.subarray(i * width, (i + 1) * width);
      sameNumbers(row(2), row(0), featureTolerance, "codebookVectors: the rows of one id, twice in a call");
      const alone = await decoder.codebookVectors(Int32Array.from(token(size - 1)));
      sameNumbers(alone, row(1), featureTolerance, "codebookVectors: the row of an id alone and among others");
    },
  ],
  [
    "codebookVectors: no ids give no numbers",
    async (subject) => equal((await codebookOf(subject).decoder.codebookVectors([])).length, 0, "codebookVectors([])"),
  ],
  [
    "codebookVectors: leaves the caller's ids as they are",
    async (subject) => {
      const { decoder, size } = codebookOf(subject);
      const ids = Int32Array.of(size - 1, 0);
      await decoder.codebookVectors(ids);
      untouched(ids, [size - 1, 0], "the ids after codebookVectors");
    },
  ],
  [
    "codebookVectors: what is no id is refused",
    async (subject) => {
      const { decoder, size } = codebookOf(subject);
      const untyped = (value: unknown) => value as TokenIds;
      for (const [what, ids] of [
        ["a negative id", [0, -1]],
        ["an id beyond the codebook", Int32Array.of(size)],
        ["a fraction", [0.5]],
        ["texts", untyped(["0"])],
        ["null", untyped(null)],
      ] as const) {
        await refuses(() => decoder.codebookVectors(ids), ["INVALID_ARGUMENT"], `codebookVectors of ${what}`);
      }
    },
  ],
  [
    "codebookVectors: without a codebook is UNSUPPORTED",
    async ({ model }) => {
      if (!("codebookVectors" in model)) throw new NotApplicable("the model has no codebookVectors");
      if (model.info.codebook !== null) throw new NotApplicable("the model has a codebook");
      await refuses(() => model.codebookVectors([0]), ["UNSUPPORTED"], "codebookVectors without a codebook");
    },
  ],
];
