import * as ort from "onnxruntime-node";
import type { OnnxModel } from "../../../sdk/nn/onnx/graph-builder.ts";

type Feeds = Record<string, { readonly data: Float32Array | BigInt64Array; readonly shape: readonly number[] }>;
type Results = Record<
  string,
  { readonly data: Float32Array | Int32Array | Uint8Array; readonly shape: readonly number[] }
>;

/** Creates a CPU session over the weights in place, runs it once and releases it. */
export async function run(model: OnnxModel, feeds: Feeds): Promise<Results> {
  const session = await ort.InferenceSession.create(model.bytes, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    logSeverityLevel: 4, // an error that a test provokes is thrown as well
    extra: {
      session: { model_external_initializers_file_folder_path: model.weightsFolder, disable_prepacking: "1" },
    },
  });
  try {
    const tensors = Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      data instanceof Float32Array ? new ort.Tensor("float32", data, shape) : new ort.Tensor("int64", data, shape),
    ]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [
        name,
        { data: tensor.data as Float32Array, shape: tensor.dims },
      ]),
    );
  } finally {
    await session.release();
  }
}

export const int64 = (ids: Iterable<number>): BigInt64Array => BigInt64Array.from(ids, BigInt);
