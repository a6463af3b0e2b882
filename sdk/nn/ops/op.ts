import * as z from "zod";
import { expectedBut } from "../../errors.ts";
import { readableTypes } from "../../weights/gguf/tensor-data.ts";
import type { TensorRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";

/** Tokens of n images of R x C, one image after the other in raster order. */
export interface Tokens {
  /** [n * R * C, width] */
  readonly value: Value;
  readonly width: number;
  /** int64 [1]: C */
  readonly columns: Value;
}

/**
 * One kind of step that projectors are made of. `Data` is what a projector says of a step: plain data, since projectors go to
 * worker threads. Everything that is known about the kind stands here, and is looked up by `op`.
 *
 * To add one, write such a record in a file of its own and export it from `all.ts`.
 */
export interface OpKind<Data extends { readonly op: string }, Step extends object = never> {
  readonly op: Data["op"];
  /** Checks each field besides `op`. Its description says what it takes: "Expected <description> for ...". */
  readonly fields: { readonly [Name in Exclude<keyof Data, "op">]-?: z.ZodType<Data[Name]> };
  /**
   * The width of the tokens after it.
   * @throws INVALID_CHECKPOINT naming a tensor that does not fit tokens of `width`
   */
  widthAfter(data: Data, width: number): number;
  /** Adds it to a graph. `columns` is left out where the grid stays as it is. */
  build(g: GraphBuilder, x: Tokens, data: Data): { readonly value: Value; readonly columns?: Value };
  /** The side of the cells of tokens that become one token; left out where each token stays one. */
  cellSide?(data: Data): number;
  /** How llama.cpp has it; left out where it does not. */
  readonly mmproj?: MmprojForm<Data, { readonly op: Data["op"] } & Step>;
}

/**
 * A kind of step in llama.cpp's terms. `Step` is what one of its graphs says of the step: the name of its tensors in an mmproj
 * file, and the constants that stand in the graph's code, where no file can change them.
 */
export interface MmprojForm<Data, Step> {
  /** The constants with which a graph computes `data`. A graph with other ones in `step` computes something else. */
  constants(data: Data, step: Step): Partial<Step>;
  /** The tensors that the graph reads. */
  tensors(data: Data, step: Step): readonly MmprojTensor[];
  /** The keys that the graph reads, and their values, which are uint32. */
  keys?(data: Data): Readonly<Record<string, number>>;
}

/** A tensor of a projector as an mmproj file has it. */
export interface MmprojTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where its numbers are; null for zeros. */
  readonly source: TensorRef | null;
  /** Added to each number. */
  readonly offset?: number;
  /** Whether it may be written in half precision. Norms and biases are F32 in every mmproj. */
  readonly large?: boolean;
}

const size = z.int().min(0);
export const tensor: z.ZodType<TensorRef> = z
  .looseObject({
    name: z.string(),
    dtype: z.enum(readableTypes),
    shape: z.array(size),
    file: z.string(),
    offset: size,
    length: size,
  })
  .describe("a tensor of a checkpoint");
export const epsilon = z.number().positive().max(1).describe("a number > 0 and at most 1");

/** @throws INVALID_CHECKPOINT for a tensor that does not have `width` numbers along `axis` */
export function requireWidth({ name, shape, file }: TensorRef, axis: number, width: number): void {
  if (shape[axis] === width) return;
  const received = `shape [${shape.join(", ")}]`;
  throw expectedBut("INVALID_CHECKPOINT", `${width} numbers on axis ${axis}`, `tensor ${name} in ${file}`, received);
}

/** A tensor of an mmproj in F32, its shape as it is. */
export const small = (name: string, source: TensorRef, offset = 0): MmprojTensor => ({
  name,
  shape: source.shape,
  source,
  offset,
});
