import * as z from "zod";
import type { DecodeOptions, TokenIds } from "../contract/decoder.ts";
import type { EmbedOptions } from "../contract/embedder.ts";
import type { CodebookInfo, EncodeOptions } from "../contract/encoder.ts";
import type { ImageInput, TokenGrid } from "../contract/image.ts";
import type { VisionTokenizerInfo } from "../contract/vision-tokenizer.ts";
import { expectedBut } from "../errors.ts";
import { option, parseOptions } from "../options.ts";
import { MAX_CODES_PER_TOKEN, TOKEN_SIDE } from "./mock-pixels.ts";

/** Which roles the mock has, how large its results are, and how its calls behave. */
export interface MockTokenizerOptions {
  /** `info.modelId` (default "mock"). */
  readonly modelId?: string;
  /** Tokens of each image (default 4 rows of 4). null: each image keeps its aspect ratio and has a grid of its own. */
  readonly grid?: TokenGrid | null;
  /** With `grid: null`: the most tokens that an image can have (default 16). */
  readonly maxTokens?: number;
  /** Numbers per token in `features` (default 8). null: an encoder that gives ids only. */
  readonly featureDim?: number | null;
  /** Whether `encode` gives a class token beside the features (default true). */
  readonly classToken?: boolean;
  /** Default `{ size: 16, dim: 3, codesPerToken: 1 }`; `codesPerToken` is from 1 to 8. null: no ids. */
  readonly codebook?: Partial<CodebookInfo> | null;
  /** What `decode` takes (default "ids" where there is a codebook, else null). null: no decoder. */
  readonly decodes?: "ids" | "features" | null;
  /** A decoder that samples: without a `seed`, each call of `decode` gives other pixels (default false). */
  readonly samples?: boolean;
  /** Numbers of each embedding that `embed` gives (default 6). null: no projector. */
  readonly embeddingDim?: number | null;
  /** Milliseconds that each call takes at least (default 0). A signal ends the wait. */
  readonly delayMs?: number;
  /** Called with each call before it is served. The call waits for what it promises and rejects with what it throws. */
  readonly onCall?: (call: MockCall) => unknown;
}

/** One call of a mock, with the arguments as they were given. */
export type MockCall =
  | { readonly method: "encode"; readonly input: Images; readonly options: EncodeOptions | undefined }
  | { readonly method: "embed"; readonly input: Images; readonly options: EmbedOptions | undefined }
  | { readonly method: "decode"; readonly input: Tokens; readonly options: DecodeOptions | undefined }
  | { readonly method: "codebookVectors"; readonly input: TokenIds }
  | { readonly method: "views" | "embedViews" | "reconstructionTarget"; readonly input: ImageInput }
  | { readonly method: "dispose" };

type Images = ImageInput | readonly ImageInput[];
type Tokens = TokenIds | Float32Array | readonly (TokenIds | Float32Array)[];

/** More is a slip of the pen: a mock is small. */
const MOST = 65_536;

/** `undefined` takes the default, null stands for "none". */
const orNull = <T>(schema: z.ZodType<T>, what: string) =>
  schema.nullable().optional().describe(`${what}, or null for none`);

const codebookSchema = z.strictObject({
  size: z.int().min(1).max(MOST).default(16),
  dim: z.int().min(1).max(MOST).default(3),
  codesPerToken: z.int().min(1).max(MAX_CODES_PER_TOKEN).default(1),
});

const schema = z.strictObject({
  modelId: option.text("a name"),
  grid: orNull(
    z.strictObject({ rows: z.int().min(1).max(MOST), columns: z.int().min(1).max(MOST) }),
    "{ rows, columns }, whole numbers from 1",
  ),
  maxTokens: option.integer(1, MOST),
  featureDim: orNull(z.int().min(1).max(MOST), "a whole number >= 1"),
  classToken: option.flag,
  codebook: orNull(
    codebookSchema,
    `{ size, dim, codesPerToken }, whole numbers from 1, codesPerToken to ${MAX_CODES_PER_TOKEN}`,
  ),
  decodes: orNull(z.enum(["ids", "features"]), '"ids" or "features"'),
  samples: option.flag,
  embeddingDim: orNull(z.int().min(1).max(MOST), "a whole number >= 1"),
  delayMs: option.integer(0),
  onCall: option.callback<(call: MockCall) => unknown>(),
});

/** The options with their defaults. */
export interface MockSettings {
  readonly info: VisionTokenizerInfo;
  readonly classToken: boolean;
  readonly samples: boolean;
  readonly delayMs: number;
  readonly onCall: (call: MockCall) => unknown;
}

/** @throws INVALID_ARGUMENT that names the option */
export function mockSettings(options: MockTokenizerOptions | undefined): MockSettings {
  const {
    modelId = "mock",
    grid = { rows: 4, columns: 4 },
    maxTokens = 16,
    featureDim = 8,
    codebook = codebookSchema.parse({}),
    decodes = codebook ? "ids" : null,
    embeddingDim = 6,
    classToken = true,
    samples = false,
    delayMs = 0,
    onCall = () => {},
  } = parseOptions(schema, options, "mockTokenizer");
  if (featureDim === null && codebook === null)
    refuse("features or a codebook", "featureDim", "null, without a codebook");
  if (decodes === "ids" && codebook === null) refuse('"features" or null', "decodes", '"ids", without a codebook');
  if (decodes === "features" && featureDim === null) refuse('"ids" or null', "decodes", '"features", without features');
  const size = grid && Object.freeze({ width: grid.columns * TOKEN_SIDE, height: grid.rows * TOKEN_SIDE });
  const info: VisionTokenizerInfo = Object.freeze({
    modelId,
    licence: null,
    device: "cpu",
    deviceReason: "a mock computes on the CPU alone",
    precision: "fp32",
    inputSize: size,
    outputSize: decodes && size,
    grid: grid && Object.freeze(grid),
    maxTokens: grid ? grid.rows * grid.columns : maxTokens,
    featureDim,
    codebook: codebook && Object.freeze(codebook),
    decodes,
    projector:
      embeddingDim === null
        ? null
        : Object.freeze({
            type: "mock",
            modelId,
            inputDim: featureDim ?? embeddingDim,
            outputDim: embeddingDim,
            deepstackLevels: 0,
            patchesPerToken: 1,
            tokensPerView: grid && grid.rows * grid.columns,
          }),
  });
  return { info, classToken, samples, delayMs, onCall };
}

function refuse(what: string, name: string, received: string): never {
  throw expectedBut("INVALID_ARGUMENT", what, `option "${name}" of mockTokenizer`, received);
}
