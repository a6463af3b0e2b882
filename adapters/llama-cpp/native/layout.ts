/** Byte offsets in node-llama-cpp's AddonContext (llama/addon/AddonContext.h). They are checked against each context's own values. */
export interface Layout {
  /** AddonModel* */
  readonly model: number;
  /** llama_context_params, which begin with n_ctx and n_batch. */
  readonly params: number;
  /** llama_context* */
  readonly context: number;
}

/** As GCC and Clang lay the class out on 64-bit Linux and macOS, and as MSVC does on 64-bit Windows. */
const itanium: Layout = { model: 32, params: 40, context: 200 };
const msvc: Layout = { model: 40, params: 48, context: 208 };

export const layoutOf = (platform: NodeJS.Platform): Layout => (platform === "win32" ? msvc : itanium);
