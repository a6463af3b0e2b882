/**
 * Classifier-free guidance, u + scale * (c - u), rounded to float32 after each operation as PyTorch does it.
 * @param conditional [n] logits with the prompt; overwritten with the result
 * @param unconditional [n] logits without it
 */
export function guide(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  const { fround } = Math;
  const factor = fround(scale);
  for (let i = 0; i < conditional.length; i++) {
    const u = unconditional[i]!;
    conditional[i] = u + fround(fround(conditional[i]! - u) * factor);
  }
  return conditional;
}
