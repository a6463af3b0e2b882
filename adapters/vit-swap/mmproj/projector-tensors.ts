import type { Projector, ProjectorOp, TensorRef, VqraeError } from "../../../sdk/index.ts";
import { expectedBut, readTensor } from "../../../sdk/kit.ts";
import type { GgufTensorToWrite } from "../../gguf/index.ts";
import type { TowerSpec } from "../vision-tower.ts";
import { encodeWeights, requireFinite } from "../weights.ts";
import type { MmprojFloat } from "./tower-data.ts";
import { ggmlActivation } from "./tower-keys.ts";
import { type MmprojStep, type MmprojTypeName, mmprojTypes } from "./types.ts";

type Pair = { readonly step: MmprojStep; readonly op: ProjectorOp };

/** A projector as llama.cpp's projector type `typeName` has it. */
export interface WrittenProjector {
  readonly tensors: readonly GgufTensorToWrite[];
  /** The side of the cells of patches that become one token; null where the type has none. */
  readonly factor: number | null;
}

/**
 * @throws UNSUPPORTED for a projector that computes something else than the type's graph
 */
export function projectorTensors(
  { ops, info }: Projector,
  encoder: TowerSpec,
  typeName: MmprojTypeName,
  float: MmprojFloat,
): WrittenProjector {
  const pairs = pairUp(ops, typeName, info.modelId, encoder);
  const cells = pairs.flatMap(({ op }) => ("factor" in op ? [op.factor] : []));
  return { tensors: pairs.flatMap((pair) => tensorsOf(pair, float)), factor: cells[0] ?? null };
}

/** Each step of the graph with the projector's own. */
function pairUp(ops: readonly ProjectorOp[], typeName: MmprojTypeName, modelId: string, encoder: TowerSpec): Pair[] {
  const steps: readonly MmprojStep[] = mmprojTypes[typeName].steps;
  const refuse = (): VqraeError => {
    const list = (all: readonly { op: string }[]) => all.map(({ op }) => op).join(", ");
    return expectedBut("UNSUPPORTED", list(steps), `a projector of type ${typeName}`, `${modelId}: ${list(ops)}`);
  };
  const left = [...ops];
  const pairs = steps.flatMap((step): Pair[] => {
    if ("optional" in step && step.optional && left[0]?.op !== step.op) return [];
    const op = left.shift();
    if (op?.op !== step.op) throw refuse();
    requireSame(step, op, encoder, `a projector of type ${typeName}`, modelId);
    return [{ step, op }];
  });
  if (left.length > 0) throw refuse();
  return pairs;
}

/** The numbers inside a step that the graph has its own values for. */
function requireSame(step: MmprojStep, op: ProjectorOp, encoder: TowerSpec, subject: string, modelId: string): void {
  const [wanted, given] = constants(step, op, encoder);
  if (wanted === given) return;
  throw expectedBut("UNSUPPORTED", `${step.op} of ${wanted}`, subject, `${modelId}: ${step.op} of ${given}`);
}

function constants(step: MmprojStep, op: ProjectorOp, encoder: TowerSpec): [wanted: unknown, given: unknown] {
  if (step.op === "layer_norm" && op.op === "layer_norm") return [step.epsilon, op.epsilon];
  if (step.op === "rms_norm" && op.op === "rms_norm") return [encoder.layerNormEps, op.epsilon];
  if (step.op === "activation" && op.op === "activation") {
    return [step.kind === "tower" ? ggmlActivation(encoder.activation) : step.kind, ggmlActivation(op.kind)];
  }
  if (step.op === "linear" && op.op === "linear") {
    const form = (bias: boolean, transposed: boolean) =>
      `${transposed ? "[in, out]" : "[out, in]"}${bias ? " and a bias" : ""}`;
    // A bias that is missing is written as zeros.
    return [form(step.bias, step.transposed ?? false), form(step.bias || op.bias !== null, op.transposed)];
  }
  return [null, null];
}

function tensorsOf({ step, op }: Pair, float: MmprojFloat): GgufTensorToWrite[] {
  if (step.op === "layer_norm" && op.op === "layer_norm") {
    const { weight, bias } = op.norm;
    return [
      written(`${step.name}.weight`, weight, "F32"),
      ...(bias ? [written(`${step.name}.bias`, bias, "F32")] : []),
    ];
  }
  if (step.op === "rms_norm" && op.op === "rms_norm")
    return [written(`${step.name}.weight`, op.weight, "F32", op.offset)];
  if (step.op === "linear" && op.op === "linear") {
    const { weight, bias } = op;
    const out = weight.shape[0]!;
    const zeros: GgufTensorToWrite = {
      name: `${step.name}.bias`,
      type: "F32",
      shape: [out],
      data: new Float32Array(out),
    };
    const biases = bias ? [written(`${step.name}.bias`, bias, "F32")] : [zeros];
    return [written(`${step.name}.weight`, weight, float), ...(step.bias ? biases : [])];
  }
  return [];
}

/** `offset` is added to each number. */
function written(name: string, ref: TensorRef, type: MmprojFloat, offset = 0): GgufTensorToWrite {
  async function* data() {
    const values = requireFinite(await readTensor(ref), ref);
    yield encodeWeights(type, offset === 0 ? values : values.map((value) => value + offset), ref);
  }
  return { name, type, shape: ref.shape, data: data() };
}
