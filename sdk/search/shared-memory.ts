import { coordinatesOf } from "./coordinates.ts";
import type { GraphRunner } from "./graph-runner.ts";

/**
 * Whether onnxruntime reads arrays in shared memory. It goes by Node's `napi_get_arraybuffer_info`, which refuses them in
 * the earlier releases of Node 22 and 24 (nodejs/node#59071).
 */
export async function takesSharedMemory(graphs: GraphRunner): Promise<boolean> {
  const shared = new Float32Array(new SharedArrayBuffer(Float32Array.BYTES_PER_ELEMENT));
  return coordinatesOf(graphs, shared, new Float64Array(1), new Float64Array(1)).then(
    () => true,
    () => false,
  );
}
