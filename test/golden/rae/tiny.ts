import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWeights } from "../tokenizers/weights.ts";

type Shapes = Readonly<Record<string, readonly number[]>>;
type Json = Readonly<Record<string, unknown>>;

/** The tiny models of make_rae.py, by encoder. */
export const cases: Readonly<
  Record<string, { config: Json; encoder: Json; processor: Json; encoderShapes: Shapes; decoderShapes: Shapes }>
> = JSON.parse(await readFile(join(import.meta.dirname, "cases.json"), "utf8"));

/** Its folder, laid out as docs/use-another-tokenizer.md says. */
export async function writeTinyRae(folder: string, name: string): Promise<string> {
  const { config, encoder, processor, encoderShapes, decoderShapes } = cases[name] ?? Object.values(cases)[0]!;
  const inner = join(folder, "encoder");
  await mkdir(inner, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeWeights(join(folder, "decoder.safetensors"), decoderShapes);
  await writeFile(join(inner, "config.json"), JSON.stringify(encoder));
  await writeFile(join(inner, "preprocessor_config.json"), JSON.stringify(processor));
  await writeWeights(join(inner, "model.safetensors"), encoderShapes);
  return folder;
}
