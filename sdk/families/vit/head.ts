import * as z from "zod";
import type { HeadSpec } from "../../nn/vit/classifier.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { parseConfig } from "../fields/config-fields.ts";

const name = z.string({ error: "a name" });
const isComplete = (labels: Readonly<Record<string, string>>) =>
  Object.keys(labels).every((_, index) => labels[index] !== undefined);

/** What transformers says of a head: `id2label`, which it leaves out where it is the two labels of its default. */
const headConfig = z.looseObject({
  id2label: z
    .record(z.string(), name, { error: "names by index" })
    .refine(isComplete, { error: "a name for each index from 0" })
    .default({ "0": "LABEL_0", "1": "LABEL_1" }),
});

/**
 * The classification head of a ViTForImageClassification, or null where the checkpoint has none.
 *
 * @param json config.json
 * @throws INVALID_CONFIG, INVALID_CHECKPOINT
 */
export function resolveHead(
  json: Record<string, unknown>,
  tensors: TensorLookup,
  hiddenSize: number,
  file: string,
): HeadSpec | null {
  if (!tensors.has("classifier.weight")) return null;
  const { id2label } = parseConfig(headConfig, json, file);
  const labels = Object.keys(id2label).map((_, index) => id2label[index] ?? "");
  return { labels, classifier: tensors.linear("classifier", [labels.length, hiddenSize]) };
}
