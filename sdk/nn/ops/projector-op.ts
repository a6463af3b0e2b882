import * as z from "zod";
import { expected, expectedBut } from "../../errors.ts";
import * as all from "./all.ts";
import type { MmprojForm, OpKind } from "./op.ts";

type Listed = (typeof all)[keyof typeof all];
type DataOf<Kind> = Kind extends OpKind<infer Data, infer _> ? Data : never;
type StepOf<Kind> = Kind extends OpKind<infer Data, infer Step> ? { readonly op: Data["op"] } & Step : never;

/** A step over n images of R x C tokens of width d, as plain data: one of those that `all.ts` lists. */
export type ProjectorOp = DataOf<Listed>;

/** What a graph of llama.cpp says of a step: which it is, the name of its tensors, its constants. */
export type MmprojStep = StepOf<Listed>;

const kinds: ReadonlyMap<unknown, OpKind<ProjectorOp, MmprojStep>> = new Map(
  Object.values(all).map((kind): [string, OpKind<ProjectorOp, MmprojStep>] => [kind.op, kind]),
);

/** @throws INVALID_ARGUMENT for a step of no kind that is known */
export function kindOf({ op }: ProjectorOp): OpKind<ProjectorOp, MmprojStep> {
  const kind = kinds.get(op);
  if (kind) return kind;
  throw expected("INVALID_ARGUMENT", `one of ${[...kinds.keys()].join(", ")}`, "the op of a projector", op);
}

/** @throws INVALID_ARGUMENT naming a field that is missing, wrong or unknown */
export function requireFields(data: ProjectorOp): void {
  const { op, fields } = kindOf(data);
  const schema = z.strictObject({ op: z.literal(op), ...fields });
  const [issue] = schema.safeParse(data).error?.issues ?? [];
  if (!issue) return;
  const names = Object.keys(schema.shape);
  if (issue.code === "unrecognized_keys")
    throw expectedBut("INVALID_ARGUMENT", `one of ${names.join(", ")}`, `the fields of ${op}`, issue.keys.join(", "));
  const name = String(issue.path[0]);
  const field = new Map<string, z.ZodType>(Object.entries(schema.shape)).get(name);
  throw expected("INVALID_ARGUMENT", field?.description ?? "a value", `${name} of ${op}`, Reflect.get(data, name));
}

/**
 * The width of the tokens after all of `ops`.
 * @param width of those before them
 * @throws INVALID_ARGUMENT for what is no step; INVALID_CHECKPOINT naming a tensor that does not fit what comes before it
 */
export function outputWidth(ops: readonly ProjectorOp[], width: number): number {
  return ops.reduce((before, op) => {
    requireFields(op);
    return kindOf(op).widthAfter(op, before);
  }, width);
}

/** The side of the cells of patches that become one token. */
export const cellSide = (ops: readonly ProjectorOp[]): number =>
  ops.reduce((side, op) => side * (kindOf(op).cellSide?.(op) ?? 1), 1);

/** How llama.cpp has a step; undefined where it does not. */
export const mmprojForm = (op: ProjectorOp): MmprojForm<ProjectorOp, MmprojStep> | undefined => kindOf(op).mmproj;
