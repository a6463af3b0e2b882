import type { ProjectorOp } from "../../contract/projector.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import type { TensorRef } from "../../weights/tensor-ref.ts";
import { activation, layout, linear } from "../projector/parts.ts";

/** The text around an image of every Qwen-VL. */
export const qwenVlLayout = layout({ prefix: "<|vision_start|>", suffix: "<|vision_end|>" });

/** Numbers of each token that a norm takes. */
export const normWidth = ({ shape }: TensorRef): number => shape[0] ?? 0;

/** The linears after a merger's norm and cells of patches. `out`: the language model's width. */
export const mergerMlp = (tensors: TensorLookup, first: string, second: string, out: number): ProjectorOp[] => [
  linear(tensors, first),
  activation("gelu"),
  linear(tensors, second, { out }),
];
