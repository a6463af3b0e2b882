import { int8Form } from "../../weights/int8/int8-file.ts";
import { floatForm, widenedForm } from "../../weights/made/float-form.ts";
import type { WeightsForm } from "../../weights/made/weights-form.ts";
import type { PlainError } from "../pool/protocol.ts";

/** The forms of weights that a worker thread makes. */
export const forms = { int8: int8Form, floats: floatForm, widened: widenedForm } as const satisfies Record<
  string,
  WeightsForm
>;

export interface WeightsWorkerSetup {
  /** A tree of weights; it survives structured cloning. */
  readonly weights: object;
  readonly form: keyof typeof forms;
  readonly folder: string;
}

export type WeightsWorkerMessage =
  | { readonly done: number }
  | { readonly made: object }
  | { readonly error: PlainError };
