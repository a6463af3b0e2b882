// Which of llama.cpp's architectures assert what (0.5.0, src/models). Named as their files, without signs: qwen3-vl is qwen3vl.

const plain = (architecture: string): string => architecture.replaceAll(/[^a-z0-9]/g, "");
const oneOf = (names: string): ((architecture: string) => boolean) => {
  const set = new Set(names.split(" "));
  return (architecture) => set.has(plain(architecture));
};

/** Encoders, drafts for another model, speech: their graphs end the process where they are asked for text. */
export const writesNoText = oneOf(
  "clip bert modernbert nomicbert nomicbertmoe neobert eurobert jinabertv2 jinabertv3 t5 t5encoder gemmaembedding llamaembed eagle3 dflash gemma4assistant wavtokenizerdec pockettts qwen3tts",
);

/** Models without attention, whose count of heads may be 0. */
export const noAttention = oneOf(
  "mamba mamba2 rwkv6 rwkv6qwen2 rwkv7 arwkv7 jamba falconh1 granitehybrid nemotronh nemotronhmoe plamo2",
);

/** `GGML_ASSERT(n_embd_head == hparams.n_embd_head_k())`, where the first is the length of the values. */
export const equalHeads = oneOf(
  "afmoe apertus arcee arctic baichuan bailingmoe2 bitnet bloom chameleon chatglm codeshell cogvlm cohere2 cohere2moe commandr dbrx deci deepseek dots1 dream ernie45moe ernie45 exaonemoe exaone exaone4 falcon glm4moe glm4 gpt2 gptneox granitehybrid graniteswa graniteswitch granite grok grovemoe hunyuanmoe hunyuanvl hunyuandense hyv3 internlm2 jais jais2 laguna lfm2 lfm2moe lladamoe llada llama llama4 maincoder maple mellum minimax01 minimaxm2 minimaxm3 mistral3 mpt museglimmer nanbeige nemotron nemotronh nemotronhmoe olmo olmo2 olmoe openelm orion paddleocr panguembed phi2 phi3 phimoe plamo qwen qwen2 qwen2moe qwen2vl qwen3 qwen35 qwen35moe qwen3moe qwen3next qwen3vl qwen3vlmoe qwen4exp refact rnd1 seedoss smallthinker smollm3 spark25 stablelm starcoder starcoder2 talkie xverse",
);

/** `GGML_ASSERT(n_embd_head == n_rot)`. */
export const fullRotary = oneOf(
  "apertus arcee arctic baichuan chameleon codeshell cogvlm cohere2moe dbrx deci deepseek dots1 dream ernie45moe ernie45 exaonemoe exaone exaone4 falcon graniteswa graniteswitch granite grok grovemoe hunyuanmoe hunyuanvl hunyuandense hyv3 internlm2 jais2 lladamoe llada llama llama4 maincoder mellum minimax01 minimaxm2 minimaxm3 mistral3 nemotron olmo olmo2 olmoe orion paddleocr panguembed plamo qwen2 qwen2moe qwen2vl qwen3 qwen3moe qwen3vl qwen3vlmoe rnd1 seedoss smallthinker smollm3 starcoder2 talkie xverse",
);

/** Positions of several axes: ggml asserts that one of them turns something. */
export const sections = oneOf("qwen2vl qwen3vl qwen3vlmoe qwen35 qwen35moe paddleocr");
