/** What passes between an ONNX feature network and its thread. */

export interface NetworkSetup {
  /** The ONNX file, absolute. */
  readonly path: string;
  /** The outputs to compute, in this order. */
  readonly outputs: readonly string[];
  readonly threads: number;
}

export interface NetworkArray {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export interface NetworkJobs {
  /** Opens the session and checks that it has one input and the outputs. */
  open: { input: null; output: null };
  /** [1, 3, h, w] -> the outputs. */
  run: { input: NetworkArray; output: NetworkArray[] };
}
