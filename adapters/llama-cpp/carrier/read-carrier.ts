import { expected } from "../../../sdk/kit.ts";
import { readGguf } from "../../gguf/index.ts";
import { type Carrier, checkCarrier } from "./carrier.ts";
import { EMBEDDING_DIM_KEY, RANGE_KEY } from "./write-carrier.ts";

/**
 * What a carrier's mmproj carries.
 * @throws as `readGguf`; INVALID_GGUF for a file that is no carrier
 */
export async function readCarrier(path: string): Promise<Carrier> {
  const { file, metadata } = await readGguf(path);
  const [embeddingDim, range] = [EMBEDDING_DIM_KEY, RANGE_KEY].map((key) => metadata.get(key)?.value);
  if (typeof embeddingDim !== "number" || typeof range !== "number") {
    const mend = "Write one with `vqrae carrier`.";
    throw expected("INVALID_GGUF", "a pixel carrier", file, metadata.get("clip.projector_type")?.value, mend);
  }
  checkCarrier({ embeddingDim, range });
  return { embeddingDim, range };
}
