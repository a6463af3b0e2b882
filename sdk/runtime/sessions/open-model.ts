import { resolve } from "node:path";
import { openCheckpoint } from "../../families/checkpoint.ts";
import { findCheckpoint } from "../../families/find-checkpoint.ts";
import type { Model } from "../../families/model.ts";
import { projectorOf } from "../../families/projector/load-projector.ts";
import { modelOf, modelWith } from "../../families/read-model.ts";
import { requireFiniteWeights } from "../../weights/finite-weights.ts";
import type { Floats } from "../../weights/made/floats.ts";
import { defaultCacheFolder } from "../made-weights/cache-folder.ts";
import { gatheredCheckpoint } from "../made-weights/gathered-checkpoint.ts";
import { type MakeOptions, makeFloats, makeInt8 } from "../made-weights/make-weights.ts";
import type { ParsedLoadOptions } from "../options.ts";
import type { PoolOptions } from "./open-pool.ts";

export interface OpenedModel {
  readonly model: Model;
  /** What its encoder runs on: its own weights, or the int8 form of them. */
  readonly weights: object;
  /** What graphs take in the place of tensors that are stored otherwise. */
  readonly floats: Floats;
}

/** A checkpoint's model, with every weight in a form that a session opens. What does not fit together is told before any is read. */
export async function openModel(
  source: string,
  options: ParsedLoadOptions,
  { signal, report }: Pick<PoolOptions, "signal" | "report">,
): Promise<OpenedModel> {
  const { families, features, maxImageTokens, video } = options;
  report("checkpoint", 0, 1);
  const { cacheDir = defaultCacheFolder() } = options;
  const cache = cacheDir === false ? null : resolve(cacheDir);
  const making: MakeOptions = {
    report: (loaded, total, form, detail) => report(phases[form], loaded, total, detail),
    signal,
  };
  const checkpoint = gatheredCheckpoint(await openCheckpoint(await findCheckpoint(source)), cache, making);
  const stored = await modelOf(checkpoint, families, { maxImageTokens, video });
  // An mmproj is a tower and its projector.
  const projector = options.projector ?? (checkpoint.mmproj && (await projectorOf(checkpoint)));
  const model = modelWith(stored, projector, features);
  const { encoder, others } = model.weights;
  report("checkpoint", 1, 1, model.notice);
  signal.throwIfAborted();

  if (options.checkWeights) {
    const trees = [encoder, ...others];
    await requireFiniteWeights(model.folder, trees, signal, (loaded, total) => report("weights", loaded, total));
  }
  // A file each, so that an encoder has one file whatever projector is behind it.
  const ofOthers = await makeFloats(others, cache, making);
  // int8 is made of an encoder's weights as they are stored.
  if (options.precision === "int8") return { model, weights: await makeInt8(encoder, cache, making), floats: ofOthers };
  const ofEncoder = await makeFloats(encoder, cache, making);
  return { model, weights: encoder, floats: new Map([...ofEncoder, ...ofOthers]) };
}

/** What is said of a form that is made. */
const phases = { int8: "quantize", floats: "dequantize", widened: "widen" } as const;
