import { DataType, encodeModel } from "../../nn/onnx/onnx-proto.ts";

type OnnxRuntime = typeof import("onnxruntime-node");

const [rows, width, columns] = [16, 64, 16];
/** The largest unsigned and the largest signed byte. */
const [activation, weight] = [255, 127];

/**
 * Whether onnxruntime's product of unsigned and signed bytes goes wrong on this machine. On x86 processors without VNNI
 * it adds pairs of products in 16 bits, where 255 * 127 * 2 does not fit and is cut to 32767 (VPMADDUBSW). The session
 * option `session.x64quantprecision` avoids that, but takes VNNI's speed as well, so that it is set only where needed.
 */
export async function productsSaturate({ InferenceSession, Tensor }: OnnxRuntime): Promise<boolean> {
  const bytes = encodeModel({
    name: "saturation",
    nodes: [{ name: "y", opType: "MatMulInteger", domain: "", inputs: ["x", "w"], outputs: ["y"], attributes: {} }],
    initializers: [
      { name: "w", type: DataType.int8, dims: [width, columns], data: new Uint8Array(width * columns).fill(weight) },
    ],
    inputs: [{ name: "x", type: DataType.uint8, shape: [rows, width] }],
    outputs: [{ name: "y", type: DataType.int32, shape: [rows, columns] }],
  });
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  try {
    const x = new Tensor("uint8", new Uint8Array(rows * width).fill(activation), [rows, width]);
    const { y } = await session.run({ x });
    return (y!.data as Int32Array).some((sum) => sum !== width * activation * weight);
  } finally {
    await session.release();
  }
}
