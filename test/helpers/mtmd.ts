import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import koffi from "koffi";
import type { RgbImage } from "../../sdk/index.ts";

/**
 * llama.cpp's own image code: the C functions of libmtmd and libllama in the library of @fugood/llama.node (build 10257), or in the
 * libmtmd that VQRAE_MTMD names (scripts/llama-server/build-mtmd.ts: v0.5.0).
 * Sources: llama.cpp include/llama.h, tools/mtmd/mtmd.h.
 */
const require = createRequire(import.meta.url);
const platform = `${process.platform}-${process.arch}`;
const built = process.env.VQRAE_MTMD;
const shipped = () => join(dirname(require.resolve(`@fugood/node-llama-${platform}/package.json`)), "index.node");
const library = koffi.load(built ?? shipped());
if (built !== undefined) {
  const backends = join(dirname(require.resolve(`@node-llama-cpp/${platform}`)), "../bins", platform); // beside its dist
  library.func("void ggml_backend_load_all_from_path(const char*)")(backends);
}
/** Where fields of mtmd_context_params lie: newer versions have a device before the threads. */
const at =
  built === undefined ? { threads: 4, warmup: 28, leastTokens: 32 } : { threads: 20, warmup: 44, leastTokens: 48 };

/** Larger than any of llama.cpp's parameters, so that it is handed over by address: their fields differ between builds. */
koffi.struct("Params", { bytes: koffi.array("uint8", 512) });
koffi.struct("MtmdText", { text: "const char*", text_len: "size_t", add_special: "bool", parse_special: "bool" });

library.func("void llama_backend_init()")();
const silent = koffi.register(
  () => {},
  koffi.pointer(koffi.proto("void Log(int level, const char* text, void* user)")),
);
library.func("void llama_log_set(void*, void*)")(silent, null);
library.func("void mtmd_helper_log_set(void*, void*)")(silent, null);

const modelParams = library.func("Params llama_model_default_params()");
const loadModel = library.func("void* llama_model_load_from_file(const char*, Params)");
const freeModel = library.func("void llama_model_free(void*)");
const inputWidth = library.func("int32 llama_model_n_embd_inp(void*)");
const mtmdParams = library.func("Params mtmd_context_params_default()");
const initMtmd = library.func("void* mtmd_init_from_file(const char*, void*, Params)");
const freeMtmd = library.func("void mtmd_free(void*)");
const bitmap = library.func("void* mtmd_bitmap_init(uint32, uint32, const uint8*)");
const freeBitmap = library.func("void mtmd_bitmap_free(void*)");
const newChunks = library.func("void* mtmd_input_chunks_init()");
const freeChunks = library.func("void mtmd_input_chunks_free(void*)");
const chunkCount = library.func("size_t mtmd_input_chunks_size(void*)");
const chunkAt = library.func("void* mtmd_input_chunks_get(void*, size_t)");
const chunkType = library.func("int mtmd_input_chunk_get_type(void*)");
const chunkTokens = library.func("size_t mtmd_input_chunk_get_n_tokens(void*)");
const tokenize = library.func("int mtmd_tokenize(void*, void*, MtmdText*, void**, size_t)");
const encode = library.func("int mtmd_encode_chunk(void*, void*)");
const output = library.func("void* mtmd_get_output_embd(void*)");

const IMAGE_CHUNK = 1;

/** No GPU, no warm-up; and of models with a token budget as few tokens as an image has. */
function quietParams(threads: number): { bytes: Uint8Array } {
  const { bytes } = mtmdParams() as { bytes: Uint8Array };
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint8(0, 0); // use_gpu
  view.setInt32(at.threads, threads, true);
  view.setUint8(at.warmup, 0);
  view.setInt32(at.leastTokens, 1, true);
  return { bytes };
}

/** llama.cpp's image code with an mmproj, and the language model whose width it must have. */
export function openMtmd(llm: string, mmproj: string, { threads = 1 }: { readonly threads?: number } = {}) {
  const model = loadModel(llm, modelParams());
  if (!model) throw new Error(`llama.cpp does not load ${llm}`);
  const width = inputWidth(model);
  const context = initMtmd(mmproj, model, quietParams(threads));
  if (!context) throw new Error(`llama.cpp does not load ${mmproj}`);
  return {
    width,
    /** The embeddings [tokens, width] of each view, in its order. */
    embed(image: RgbImage): Float32Array[] {
      const pixels = bitmap(image.width, image.height, new Uint8Array(image.data));
      const chunks = newChunks();
      try {
        const text = "<__media__>";
        const options = { text, text_len: text.length, add_special: false, parse_special: true };
        if (tokenize(context, chunks, options, [pixels], 1) !== 0) throw new Error("mtmd_tokenize failed");
        return Array.from({ length: Number(chunkCount(chunks)) }, (_, i) => chunkAt(chunks, i))
          .filter((chunk) => chunkType(chunk) === IMAGE_CHUNK)
          .map((chunk) => {
            if (encode(context, chunk) !== 0) throw new Error("mtmd_encode_chunk failed");
            const bytes = Number(chunkTokens(chunk)) * width * 4;
            return new Float32Array(koffi.view(output(context), bytes).slice(0));
          });
      } finally {
        freeChunks(chunks);
        freeBitmap(pixels);
      }
    },
    dispose(): void {
      freeMtmd(context);
      freeModel(model);
    },
  };
}

/** What llama.cpp makes of an image with this mmproj: the embeddings [tokens, width] of each view, in its order. */
export function mtmdEmbeddings(llm: string, mmproj: string, image: RgbImage): Float32Array[] {
  const mtmd = openMtmd(llm, mmproj);
  try {
    return mtmd.embed(image);
  } finally {
    mtmd.dispose();
  }
}
