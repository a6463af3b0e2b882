import { type ImageModelV4CallOptions, InvalidArgumentError } from "@ai-sdk/provider";
import * as z from "zod";

const ownOptions = z.strictObject({
  keep: z.number("Expected a number").gt(0, "Expected a number above 0").lt(1, "Expected a number below 1").optional(),
  bestOf: z.number("Expected a number").optional(), // `generate` checks the rest
});

/**
 * The options of a picture that are ours: `providerOptions.vqrae`.
 * @throws InvalidArgumentError
 */
export function imageOptions({
  providerOptions: { vqrae = {} },
}: Pick<ImageModelV4CallOptions, "providerOptions">): z.infer<typeof ownOptions> {
  const { success, data, error } = ownOptions.safeParse(vqrae);
  if (success) return data;
  const argument = "providerOptions.vqrae";
  const message = `${error.issues[0]?.message ?? "Expected another value"} for ${argument} of generateImage.`;
  throw new InvalidArgumentError({ argument, message });
}
