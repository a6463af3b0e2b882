import type { TextConfig } from "./families/text-family.ts";
import type { TextTensor } from "./text-tensors.ts";

/** Llama 3's factors of the rotary frequencies; null for other rope types (`generate_extra_tensors`). */
export function ropeFactors({ rope, headDim, family }: TextConfig): TextTensor | null {
  if (!family.rotaryPairs || rope.rope_type !== "llama3" || headDim === null) return null;
  const number = (name: string, fallback: number) => (typeof rope[name] === "number" ? rope[name] : fallback);
  const base = number("rope_theta", 10_000);
  const factor = number("factor", 8);
  const low = number("low_freq_factor", 1);
  const high = number("high_freq_factor", 4);
  const context = number("original_max_position_embeddings", 8192);
  const f32 = Math.fround;
  const factors = Float32Array.from({ length: Math.ceil(headDim / 2) }, (_, i) => {
    const frequency = f32(1 / f32(base ** f32((2 * i) / headDim)));
    // torch divides a number by a tensor as the tensor's reciprocal times the number.
    const wavelength = f32(f32(1 / frequency) * f32(2 * Math.PI));
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const smooth = f32(f32(f32(f32(1 / wavelength) * context) - low) / f32(high - low));
    return f32(1 / f32(f32(f32(1 - smooth) / factor) + smooth));
  });
  return { name: "rope_freqs.weight", type: "F32", shape: [factors.length], pieces: () => [factors] };
}
