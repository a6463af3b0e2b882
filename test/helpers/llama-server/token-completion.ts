import { getLlama, LlamaLogLevel, type Token, TokenBias } from "node-llama-cpp";

/** The fields of POST /completion that a prompt of tokens comes with. */
export interface TokenBody {
  readonly prompt: readonly number[];
  readonly n_predict: number;
  readonly temperature: number;
  readonly top_k: number;
  readonly top_p: number;
  readonly seed: number;
  readonly logit_bias: readonly (readonly [token: number, bias: number])[];
}

/** What llama.node has no way to do: prompts that are tokens, biases on them, and ids of what comes. By node-llama-cpp. */
export async function openTokenCompletion(modelPath: string, contextSize: number) {
  const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize, threads: 1 });
  return {
    tokenize: (text: string, special: boolean): number[] => model.tokenize(text, special),

    async *complete({ prompt, logit_bias, ...body }: TokenBody): AsyncGenerator<number> {
      const tokenBias = new TokenBias(model.tokenizer);
      for (const [token, logit] of logit_bias) tokenBias.set(token as Token, { logit });
      const sequence = context.getSequence();
      try {
        const options = { temperature: body.temperature, topK: body.top_k, topP: body.top_p, minP: 0, seed: body.seed };
        let count = 0;
        for await (const token of sequence.evaluate([...prompt] as Token[], { ...options, tokenBias })) {
          yield token;
          if (++count === body.n_predict) return;
        }
      } finally {
        await sequence.dispose();
      }
    },
  };
}
