import { expected, words } from "../../../sdk/errors.ts";
import { readGguf } from "../../gguf/index.ts";
import { type Carrier, checkCarrier, DEFAULT_RANGE } from "./carrier.ts";

/**
 * The carrier that fits a language model's GGUF.
 * @throws as `readGguf`; UNSUPPORTED for a file that is no language model, or for one with multimodal rotary positions
 */
export async function carrierFor(llm: string, range = DEFAULT_RANGE): Promise<Carrier> {
  const { file, metadata } = await readGguf(llm);
  const architecture = metadata.get("general.architecture")?.value;
  const embeddingDim = metadata.get(`${architecture}.embedding_length`)?.value;
  if (typeof embeddingDim !== "number") {
    const received = words(`one of architecture ${architecture}`);
    throw expected("UNSUPPORTED", "the GGUF of a language model", file, received, {
      mend: "Pass the model that llama-server is started with (-m), not its mmproj.",
    });
  }
  if (metadata.has(`${architecture}.rope.dimension_sections`)) {
    throw expected("UNSUPPORTED", "one position a token", file, words(`${architecture}, which has several`), {
      mend: "Use this model in process: a llama-server would place the carrier's tokens in one row.",
    });
  }
  const carrier = { embeddingDim, range };
  checkCarrier(carrier);
  return carrier;
}
