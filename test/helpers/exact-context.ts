/** llama.cpp's options for a context whose numbers are transformers' in float32. */
export const exactContext = {
  threads: 1,
  flashAttention: false,
  experimentalKvCacheKeyType: "F32",
  experimentalKvCacheValueType: "F32",
} as const;
