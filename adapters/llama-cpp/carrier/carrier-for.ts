import { expectedBut } from "../../../sdk/kit.ts";
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
    const received = `one of architecture ${architecture}`;
    throw expectedBut(
      "UNSUPPORTED",
      "the GGUF of a language model",
      file,
      received,
      "Pass the model that llama-server is started with (-m), not its mmproj.",
    );
  }
  if (metadata.has(`${architecture}.rope.dimension_sections`)) {
    throw expectedBut(
      "UNSUPPORTED",
      "one position a token",
      file,
      `${architecture}, which has several`,
      "Use this model in process: a llama-server would place the carrier's tokens in one row.",
    );
  }
  const carrier = { embeddingDim, range };
  checkCarrier(carrier);
  return carrier;
}
