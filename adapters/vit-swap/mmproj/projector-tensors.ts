import type { Projector } from "../../../sdk/index.ts";
import { expectedBut, type MmprojTensor, mmprojForm, readTensor } from "../../../sdk/kit.ts";
import { type GgufTensorToWrite, type GgufValue, ggufValue } from "../../gguf/index.ts";
import type { TowerSpec } from "../vision-tower.ts";
import { encodeWeights, requireFinite } from "../weights.ts";
import type { MmprojFloat } from "./tower-data.ts";
import { type GraphStep, type MmprojTypeName, mmprojTypes } from "./types.ts";

/** A projector as one of llama.cpp's projector types has it. */
export interface WrittenProjector {
  readonly tensors: readonly GgufTensorToWrite[];
  readonly keys: readonly (readonly [key: string, value: GgufValue])[];
}

/**
 * A projector behind `tower` as llama.cpp's type `typeName` has it.
 * @throws UNSUPPORTED for a projector that computes something else than the type's graph
 */
export function writtenProjector(
  { ops, info }: Projector,
  tower: TowerSpec,
  typeName: MmprojTypeName,
  float: MmprojFloat,
): WrittenProjector {
  const steps = mmprojTypes[typeName].steps(tower);
  const subject = `a projector of type ${typeName}`;
  const list = (all: readonly { op: string }[]) => all.map(({ op }) => op).join(", ");
  const refuse = () => expectedBut("UNSUPPORTED", list(steps), subject, `${info.modelId}: ${list(ops)}`);
  const left = [...ops];
  const written = steps.flatMap((step) => {
    if (step.optional && left[0]?.op !== step.op) return [];
    const op = left.shift();
    const form = op && op.op === step.op && mmprojForm(op);
    if (!form) throw refuse();
    requireConstants(form.constants(op, step), step, subject, info.modelId);
    const keys = Object.entries(form.keys?.(op) ?? {});
    return [{ tensors: form.tensors(op, step), keys }];
  });
  if (left.length > 0) throw refuse();
  return {
    tensors: written.flatMap(({ tensors }) => tensors.map((tensor) => toWrite(tensor, float))),
    keys: written.flatMap(({ keys }) => keys.map(([key, value]) => [key, ggufValue.uint32(value)] as const)),
  };
}

/** @throws UNSUPPORTED where the graph's constants are not those that the projector needs */
function requireConstants(needed: Partial<GraphStep>, step: GraphStep, subject: string, modelId: string): void {
  const has = new Map<string, unknown>(Object.entries(step));
  for (const [name, value] of Object.entries(needed)) {
    if (has.get(name) === value) continue;
    const say = (constant: unknown) => `${step.op} with ${name} ${constant}`;
    throw expectedBut("UNSUPPORTED", say(has.get(name)), subject, `${modelId}: ${say(value)}`);
  }
}

function toWrite({ name, shape, source, offset = 0, large }: MmprojTensor, float: MmprojFloat): GgufTensorToWrite {
  const type = large ? float : "F32";
  if (source === null) {
    const count = shape.reduce((product, size) => product * size, 1);
    return { name, type: "F32", shape, data: new Float32Array(count) };
  }
  const ref = source;
  async function* data() {
    const values = requireFinite(await readTensor(ref), ref);
    yield encodeWeights(type, offset === 0 ? values : values.map((value) => value + offset), ref);
  }
  return { name, type, shape, data: data() };
}
