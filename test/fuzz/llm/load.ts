/**
 * Loads each GGUF file whose path comes in on a line, and lets it read and write some tokens. It answers with a line: the code of
 * the error, "ok", or "untyped ..."; where llama.cpp ends the process, none. `check=false` asks llama.cpp alone.
 */
import { createInterface } from "node:readline";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { readGguf } from "../../../adapters/gguf/index.ts";
import { checkLlm } from "../../../adapters/llama-cpp/check/check-llm.ts";
import { VqraeError } from "../../../sdk/index.ts";

const [check = "check"] = process.argv.slice(2);
const TEXT = "Hello, wörld 🎉\n\t12\u0001";

const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });

async function outcome(path: string): Promise<string> {
  try {
    if (check === "check") await checkLlm(await readGguf(path), path);
  } catch (error) {
    return VqraeError.isInstance(error) ? error.code : `untyped ${error}`;
  }
  const model = await llama.loadModel({ modelPath: path }).catch(() => null);
  if (model === null) return "REFUSED_BY_LLAMA_CPP";
  try {
    const context = await model.createContext({ contextSize: 64, threads: 1 }).catch(() => null);
    if (context === null) return "REFUSED_BY_LLAMA_CPP";
    const tokens = model.tokenize(TEXT, true);
    model.detokenize(tokens, true);
    for (const token of model.iterateAllTokens()) {
      model.getTokenAttributes(token);
      model.detokenize([token], true);
    }
    const sequence = context.getSequence();
    let count = 0;
    for await (const _ of sequence.evaluate(tokens.slice(0, 16), { temperature: 0.7 })) if (++count === 3) break;
    return "ok";
  } catch (error) {
    return `untyped ${error}`;
  } finally {
    await model.dispose();
  }
}

for await (const path of createInterface({ input: process.stdin })) console.log(`\u0001${await outcome(path)}`);
