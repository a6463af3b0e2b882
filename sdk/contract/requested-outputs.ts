import { expectedBut } from "../errors.ts";
import type { EncoderInfo } from "./encoder.ts";

/** What `encode` computes. */
export interface RequestedOutputs {
  readonly features: boolean;
  readonly ids: boolean;
}

/**
 * What the options ask an encoder to compute.
 * @throws UNSUPPORTED for what the encoder does not give; INVALID_ARGUMENT for nothing at all
 */
export function requestedOutputs(
  { modelId, featureDim, codebook }: Pick<EncoderInfo, "modelId" | "featureDim" | "codebook">,
  { features = true, ids }: { readonly [K in keyof RequestedOutputs]?: boolean | undefined },
): RequestedOutputs {
  const missing = (call: string, part: string) =>
    expectedBut("UNSUPPORTED", `a checkpoint with ${part}`, call, `${modelId}, which has none`);
  if (features && featureDim === null) throw missing("encode with features", "features");
  if (ids === true && codebook === null) throw missing("encode with ids", "a codebook");
  const wantIds = ids ?? codebook !== null;
  if (features || wantIds) return { features, ids: wantIds };
  const received = `features: false and ids: ${ids === undefined ? "undefined, without a codebook" : "false"}`;
  throw expectedBut("INVALID_ARGUMENT", "features or ids to compute", "the options of encode", received);
}
