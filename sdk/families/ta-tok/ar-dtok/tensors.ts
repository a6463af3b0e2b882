import { basename } from "node:path";
import { expectedBut } from "../../../errors.ts";
import { countTensors, type TensorLookup } from "../../../weights/tensor-lookup.ts";
import type { ArDtokBlock, ArDtokSpec } from "./spec.ts";

/** More blocks than any has. */
const MOST = 1024;
/** Of every size that tok/ar_dtok/ar_model.py names. */
const HEAD_WIDTH = 64;

/** What every AR-DTok and LlamaGen's own transformers have, and files of others have not. */
const MARK = "layers.0.attention.wqkv.weight";

export const isArDtok = (tensors: TensorLookup): boolean => tensors.has(MARK) && tensors.has("tok_embeddings.weight");

/**
 * Finds the tensors of `ARModel` (tok/ar_dtok/ar_model.py), whose sizes they tell.
 * @param conditionDim numbers of the features that it draws after
 * @throws UNSUPPORTED for one that draws after classes or ids; as `TensorLookup`
 */
export function resolveArDtok(tensors: TensorLookup, conditionDim: number, path: string): ArDtokSpec {
  if (!tensors.has("clip_proj.weight")) {
    const received = tensors.has("cls_embedding.embedding_table.weight") ? "one after classes" : "one after ids";
    const mend = "Take ar_dtok_lp_256px.pth, ar_dtok_lp_512px.pth or ar_dtok_lp_1024px.pth of csuhan/TA-Tok.";
    throw expectedBut("UNSUPPORTED", "an AR-DTok that draws after features", basename(path), received, { mend, path });
  }
  const [codes = 0, width = 0] = tensors.tensor("tok_embeddings.weight", [null, null]).shape;
  if (width % HEAD_WIDTH !== 0) {
    const what = `a multiple of ${HEAD_WIDTH}, the width of its heads,`;
    throw expectedBut("INVALID_CHECKPOINT", what, `the width of ${basename(path)}`, `${width}`, { path });
  }
  const blocks = countTensors(tensors, (i) => `layers.${i}.attention.wqkv.weight`, MOST);
  // Others go unread: the original loads without asking for all of them (`strict=False` of tok/models.py).
  return {
    width,
    heads: width / HEAD_WIDTH,
    conditionDim,
    condition: tensors.linear("clip_proj", [width, conditionDim]),
    embeddings: tensors.tensor("tok_embeddings.weight", [codes, width]),
    positions: tensors.tensor("abs_pe", [1, null, width]),
    blocks: Array.from({ length: blocks }, (_, i) => block(tensors.below(`layers.${i}.`), width)),
    finalNorm: tensors.rmsNorm("norm", width),
    output: tensors.linear("output", [codes, width], false),
  };
}

function block(tensors: TensorLookup, width: number): ArDtokBlock {
  const [hidden = 0] = tensors.tensor("feed_forward.w1.weight", [null, width]).shape;
  return {
    attentionNorm: tensors.rmsNorm("attention_norm", width),
    queryKeyValue: tensors.linear("attention.wqkv", [3 * width, width], false),
    attentionOut: tensors.linear("attention.wo", [width, width], false),
    mlpNorm: tensors.rmsNorm("ffn_norm", width),
    gate: tensors.linear("feed_forward.w1", [hidden, width], false),
    up: tensors.linear("feed_forward.w3", [hidden, width], false),
    down: tensors.linear("feed_forward.w2", [width, hidden], false),
  };
}
