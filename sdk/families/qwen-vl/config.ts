import * as z from "zod";
import { oneOf, positiveInteger, rgbChannels, section } from "../fields/config-fields.ts";
import { unreadConfigFields } from "../fields/unread-config-fields.ts";

/** Fixed here: a config may say it. */
const rotation = section({
  rope_theta: z.literal(10000, { error: "10000" }),
  rope_type: oneOf("axial", "default").optional(),
})
  .nullish()
  .transform(() => undefined);

/** The fields that the vision configs of all Qwen-VLs have. */
export const qwenVlFields = {
  num_heads: positiveInteger.default(16),
  temporal_patch_size: positiveInteger.default(2),
  spatial_merge_size: positiveInteger.default(2),
  in_channels: rgbChannels,
  in_chans: rgbChannels,
  rope_parameters: rotation,
};

/** Those that change no feature. */
export const unreadQwenVlFields = {
  ...unreadConfigFields,
  "They are the projector's.": ["out_hidden_size", "deepstack_visual_indexes"],
  "patch_size says it.": ["spatial_patch_size"],
} as const;

/** Each head's numbers turn in four parts: pairs for rows and pairs for columns. */
export const wholeHeads = (hiddenSize: number, heads: number): boolean => hiddenSize % (4 * heads) === 0;
export const wholeHeadsError = {
  path: ["num_heads"],
  error: "a number of heads whose size is a multiple of 4",
};
