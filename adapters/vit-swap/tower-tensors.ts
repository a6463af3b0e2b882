import type { TensorRef } from "../../sdk/index.ts";
import type { TowerSpec } from "./vision-tower.ts";

/** A tensor of a vision tower by the part it plays, the same for every family: "block.3.query.weight". */
export interface TowerTensor {
  readonly role: string;
  readonly ref: TensorRef;
  /** Without the axes of length 1 that some families put first; a patch convolution's is [width, 3, patch, patch]. */
  readonly shape: readonly number[];
}

type Parts = Readonly<Record<string, TensorRef | null>>;

/** A linear or a norm, by the names of its tensors. */
const pair = (name: string, parts: { weight: TensorRef; bias: TensorRef | null } | null): Parts =>
  parts === null ? {} : { [`${name}.weight`]: parts.weight, [`${name}.bias`]: parts.bias };

/**
 * The tensors of a tower of `blocks` blocks, in the order in which they are computed.
 * @param finalNorm whether the tower's final norm is one of them
 */
export function towerTensors(spec: TowerSpec, blocks: number, finalNorm: boolean): TowerTensor[] {
  const all: Parts = {
    ...pair("patch_embedding", spec.patchEmbedding),
    class_token: spec.classToken,
    registers: spec.registers,
    positions: spec.positions.table,
    ...pair("first_norm", spec.firstNorm),
    ...Object.assign({}, ...spec.blocks.slice(0, blocks).map((block, i) => blockParts(`block.${i}`, block))),
    ...(finalNorm ? pair("final_norm", spec.finalNorm) : {}),
  };
  const { hiddenSize: width, patchSize: patch } = spec;
  return Object.entries(all).flatMap(([role, ref]): TowerTensor[] => {
    if (ref === null) return [];
    const own = ref.shape.slice(
      Math.max(
        0,
        ref.shape.findIndex((size) => size > 1),
      ),
    );
    return [{ role, ref, shape: role === "patch_embedding.weight" ? [width, 3, patch, patch] : own }];
  });
}

function blockParts(name: string, block: TowerSpec["blocks"][number]): Parts {
  const { attention, queryNorm, keyNorm, attentionOut, mlp, mlpOut } = block;
  return {
    ...pair(`${name}.norm1`, attention.norm),
    ...pair(`${name}.query`, attention.linears.query),
    ...pair(`${name}.key`, attention.linears.key),
    ...pair(`${name}.value`, attention.linears.value),
    ...pair(`${name}.query_norm`, queryNorm),
    ...pair(`${name}.key_norm`, keyNorm),
    ...pair(`${name}.out`, attentionOut.linears.out),
    [`${name}.scale1`]: attentionOut.scale,
    ...pair(`${name}.norm2`, mlp.norm),
    ...pair(`${name}.fc1`, mlp.linears.fc1),
    ...pair(`${name}.fc2`, mlpOut.linears.fc2),
    [`${name}.scale2`]: mlpOut.scale,
  };
}
