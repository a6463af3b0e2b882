/** The largest size of an 8-bit weight. -128 is left out, so that positive and negative weights are treated alike. */
const LARGEST = 127;
/** Rows quantised side by side: their bytes are neighbours in the result, which is written a cache line at a time. */
const ROWS = 64;

export interface QuantizedRows {
  /** [in, out]: the transpose. Column o times `scales[o]` is row o of the weight, to within half of `scales[o]`. */
  readonly columns: Int8Array;
  /** [out] */
  readonly scales: Float32Array;
}

/** Rounds a weight [out, in] to 8 bits: symmetric, with one scale for each row. */
export function quantizeRows(weight: Float32Array, outputs: number): QuantizedRows {
  const inputs = weight.length / outputs;
  const columns = new Int8Array(weight.length);
  const scales = new Float32Array(outputs);
  const inverses = new Float64Array(outputs);
  for (let row = 0; row < outputs; row++) {
    let largest = 0;
    for (let k = row * inputs; k < (row + 1) * inputs; k++) largest = Math.max(largest, Math.abs(weight[k]!));
    scales[row] = largest / LARGEST;
    inverses[row] = largest === 0 ? 0 : LARGEST / largest;
  }
  for (let first = 0; first < outputs; first += ROWS) {
    const end = Math.min(first + ROWS, outputs);
    for (let i = 0; i < inputs; i++) {
      for (let row = first; row < end; row++) {
        columns[i * outputs + row] = Math.round(weight[row * inputs + i]! * inverses[row]!);
      }
    }
  }
  return { columns, scales };
}
