import type { Jobs } from "../pool/protocol.ts";
import { floats } from "./outputs.ts";
import type { Sessions } from "./sessions.ts";

/** ids [t] -> [t, width] */
export async function embedIds(sessions: Sessions, { ids }: Jobs["embedIds"]["input"]): Promise<Float32Array> {
  const input = sessions.tensor("int64", BigInt64Array.from(ids, BigInt), [ids.length]);
  const outputs = await sessions.run("id_embedder", { ids: input }, ["embeddings"]);
  return floats("id_embedder", outputs, "embeddings").slice();
}

/** hidden states [t, width] -> [t, codes] */
export async function predictIds(
  sessions: Sessions,
  { hiddenStates, width }: Jobs["predictIds"]["input"],
): Promise<Float32Array> {
  const input = sessions.tensor("float32", hiddenStates, [hiddenStates.length / width, width]);
  const outputs = await sessions.run("id_predictor", { hidden_states: input }, ["logits"]);
  return floats("id_predictor", outputs, "logits").slice();
}
