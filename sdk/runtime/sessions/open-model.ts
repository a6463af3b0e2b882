import { resolve } from "node:path";
import { openCheckpoint } from "../../families/checkpoint.ts";
import { findCheckpoint } from "../../families/find-checkpoint.ts";
import type { Model } from "../../families/model.ts";
import { projectorOf } from "../../families/projector/load-projector.ts";
import { modelOf, modelWith } from "../../families/read-model.ts";
import { requireFiniteWeights } from "../../weights/finite-weights.ts";
import { defaultCacheFolder } from "../made-weights/cache-folder.ts";
import { gatheredCheckpoint } from "../made-weights/gathered-checkpoint.ts";
import { type MakeOptions, makeFloats, makeInt8 } from "../made-weights/make-weights.ts";
import type { ParsedLoadOptions } from "../options.ts";
import type { PoolOptions } from "./open-pool.ts";

export interface OpenedModel {
  readonly model: Model;
  /** What its encoder runs on: its own weights, or the int8 form of them. */
  readonly weights: object;
}

/** A checkpoint's model, with every weight in a form that a session opens. What does not fit together is told before any is read. */
export async function openModel(
  source: string,
  options: ParsedLoadOptions,
  { signal, report }: Pick<PoolOptions, "signal" | "report">,
): Promise<OpenedModel> {
  const { families, features, maxImageTokens, video } = options;
  report("checkpoint", 0, 1);
  const cache = resolve(options.cacheDir ?? defaultCacheFolder());
  const making: MakeOptions = {
    report: (loaded, total) => report("dequantize", loaded, total, `kept in ${cache}`),
    signal,
  };
  const checkpoint = gatheredCheckpoint(await openCheckpoint(await findCheckpoint(source)), cache, making);
  const stored = await modelOf(checkpoint, families, { maxImageTokens, video });
  // An mmproj is a tower and its projector.
  const projector = options.projector ?? (checkpoint.mmproj && (await projectorOf(checkpoint)));
  modelWith(stored, projector, features);
  report("checkpoint", 1, 1, stored.notice);
  signal.throwIfAborted();

  // int8 is made of an encoder's weights as they are stored.
  const encoder = options.precision === "int8" ? null : stored.weights.encoder;
  const floats = await makeFloats({ encoder, projector }, cache, making);
  const model = modelWith(stored, floats.projector, features);
  if (options.checkWeights) {
    const trees = [floats.encoder ?? model.weights.encoder, ...model.weights.others];
    await requireFiniteWeights(model.folder, trees, signal, (loaded, total) => report("weights", loaded, total));
  }
  if (floats.encoder !== null) return { model, weights: floats.encoder };
  const weights = await makeInt8(model.weights.encoder, cache, {
    report: (loaded, total) => report("quantize", loaded, total),
    signal,
  });
  return { model, weights };
}
