/** Linears that share an input x, and the norm and layer scales around them, read into memory. */
export interface GroupArrays {
  /** x = gamma * standardised + beta; null where x comes from no norm. */
  readonly norm: { readonly gamma: Float32Array; readonly beta: Float32Array | null } | null;
  readonly linears: readonly LinearArrays[];
}

/** y = outScale * (weight x + bias), null being none. */
export interface LinearArrays {
  readonly name: string;
  /** [out, in], row-major */
  readonly weight: Float32Array;
  readonly outputs: number;
  /** [out] */
  readonly bias: Float32Array | null;
  /** [out] */
  readonly outScale: Float32Array | null;
}

/** The same in exact arithmetic: no layer scales, a norm without beta, and its gamma one that suits 8 bits. */
export interface FoldedGroup {
  readonly gamma: Float32Array | null;
  readonly linears: readonly Omit<LinearArrays, "outScale">[];
}

/** Folds everything that is linear into the linears. */
export function foldGroup({ norm, linears }: GroupArrays): FoldedGroup {
  const scaled = linears.map(foldScale);
  if (norm === null) return { gamma: null, linears: scaled };
  const balance = balanceOf(scaled, norm.gamma);
  const factors = Float64Array.from(norm.gamma, (g, i) => {
    const size = balance[i] ?? 0;
    return size === 0 ? 0 : g / size;
  });
  const { beta } = norm;
  return {
    gamma: balance,
    linears: scaled.map(({ weight, bias, ...linear }) => ({
      ...linear,
      weight: weight.map((w, k) => w * factors[k % factors.length]!),
      bias: beta ? addTo(bias, weight, beta) : bias,
    })),
  };
}

function foldScale({ outScale, weight, bias, ...linear }: LinearArrays): Omit<LinearArrays, "outScale"> {
  if (outScale === null) return { ...linear, weight, bias };
  const inputs = weight.length / linear.outputs;
  return {
    ...linear,
    weight: weight.map((w, k) => w * outScale[Math.floor(k / inputs)]!),
    bias: bias ? bias.map((b, o) => b * outScale[o]!) : null,
  };
}

/** bias + weight beta, [out] */
function addTo(bias: Float32Array | null, weight: Float32Array, beta: Float32Array): Float32Array {
  const inputs = beta.length;
  return Float32Array.from({ length: weight.length / inputs }, (_, o) => {
    let sum = bias ? bias[o]! : 0;
    for (let i = 0; i < inputs; i++) sum += weight[o * inputs + i]! * beta[i]!;
    return sum;
  });
}

/**
 * What the norm is to multiply its channels by in place of gamma, [in].
 *
 * Activations share one 8-bit scale, that of the largest. A transformer's residual stream has channels that are ten times
 * the others and that the linears weigh little. Multiplied by the size of its column, gamma and the root mean square of
 * the weights, each channel is as large as it matters, and the large ones come down. SmoothQuant (arXiv 2211.10438) does
 * the same with sizes measured on data; this needs none. On models/vqrae-tiny it halves what the features' cosine to
 * float32 lacks of 1.
 */
function balanceOf(linears: readonly Pick<LinearArrays, "weight" | "outputs">[], gamma: Float32Array): Float32Array {
  const squares = new Float64Array(gamma.length);
  let rows = 0;
  for (const { weight, outputs } of linears) {
    for (let k = 0; k < weight.length; k++) squares[k % gamma.length]! += weight[k]! ** 2;
    rows += outputs;
  }
  return gamma.map((g, i) => Math.abs(g) * Math.sqrt(squares[i]! / rows));
}
