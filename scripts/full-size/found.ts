import { fileURLToPath } from "node:url";

/** What scripts/full-size/tokenizers.ts last found of each tokenizer. */
export const fullSizeFile = fileURLToPath(new URL("tokenizers.json", import.meta.url));

/** One model at its published size, with seeded weights, against its original's own code. */
export interface FullSize {
  readonly parameters: number;
  /** Ids of one picture. */
  readonly ids?: number | undefined;
  readonly differentIds?: number | undefined;
  /** Largest differences: of decoded bytes, of features, and of features of ids. */
  readonly bytes?: number | undefined;
  readonly features?: number | undefined;
  readonly decodedFeatures?: number | undefined;
  /** The machine, versions and the date. */
  readonly where: string;
}
