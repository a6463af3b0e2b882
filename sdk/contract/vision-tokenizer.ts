import type { Decoder, DecoderInfo } from "./decoder.ts";
import type { Embedder, EmbedderInfo } from "./embedder.ts";
import type { Encoder, EncoderInfo, ImageIds } from "./encoder.ts";
import type { Views } from "./views.ts";

/**
 * One model in all its roles. `info` says which it has: `codebook`, `decodes` and `projector` are null where there is no
 * codebook, decoder or projector, and the methods that need one throw UNSUPPORTED.
 *
 * Ask for the smallest role that you use: what takes an {@link Encoder} works with models that cannot decode.
 */
export interface VisionTokenizer<Ids extends ImageIds | null = Int32Array | null>
  extends Encoder<Ids>,
    Embedder,
    Decoder,
    Views {
  /** The version of this contract. */
  readonly specificationVersion: "v1";
  readonly info: VisionTokenizerInfo<Ids>;
  /** Lets running batches finish, rejects what waits with DISPOSED, and frees what the model holds. */
  dispose(): Promise<void>;
}

export interface VisionTokenizerInfo<Ids extends ImageIds | null = Int32Array | null>
  extends EncoderInfo<Ids>,
    Omit<DecoderInfo, "grid" | "codebook">,
    EmbedderInfo {}
