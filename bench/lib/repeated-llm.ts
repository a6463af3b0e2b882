import { encodeGgufTensor, ggufValue, readGguf, readGgufTensor, writeGguf } from "../../adapters/gguf/index.ts";
import { writeTinyLlm } from "../../test/helpers/tiny-llm.ts";

/**
 * Writes a language model of random weights in F16 of some 8 x width^2 numbers a layer. All layers are equal, so that it takes seconds.
 * @param path its folder gets a second file, of one layer
 */
export async function writeRepeatedLlm(
  path: string,
  { width, layers }: { width: number; layers: number },
): Promise<void> {
  const one = await writeTinyLlm(`${path}.one-layer`, "qwen3", { width, layers: 1 });
  const gguf = await readGguf(one.path);
  const { metadata, tensors } = gguf;
  const stored = new Map<string, { type: "F16" | "F32"; shape: readonly number[]; data: ArrayBufferView }>();
  for (const [name, { shape }] of tensors) {
    const type = shape.length > 1 ? "F16" : "F32";
    stored.set(name, { type, shape, data: encodeGgufTensor(type, await readGgufTensor(gguf, name)) });
  }
  const all = [...stored].flatMap(([name, tensor]) =>
    name.startsWith("blk.0.")
      ? Array.from({ length: layers }, (_, i) => ({ name: name.replace("blk.0.", `blk.${i}.`), ...tensor }))
      : [{ name, ...tensor }],
  );
  await writeGguf(path, new Map([...metadata, ["qwen3.block_count", ggufValue.uint32(layers)]]), all);
}
