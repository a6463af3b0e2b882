import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { temporaryFolder, writeJson } from "../../standalone/checkpoint/temporary.ts";
import { readExpected } from "../expected.ts";

type Json = Record<string, unknown>;

/** A copy of the fixture `name` with other tensor names (null leaves one out), config.json and processor file. */
export async function rewritten(
  name: string,
  rename: (tensor: string) => string | null,
  config: (config: Json) => Json = (own) => own,
  processor: (fields: Json) => Json = (own) => own,
): Promise<string> {
  const source = join(import.meta.dirname, name);
  const folder = await temporaryFolder();
  const json = async (file: string) => JSON.parse(await readFile(join(source, file), "utf8")) as Json;
  await writeJson(folder, "config.json", config(await json("config.json")));
  const { image_processor: fields, processor_class } = await json("processor_config.json");
  await writeJson(folder, "preprocessor_config.json", processor({ ...(fields as Json), processor_class }));
  const tensors = Object.entries(readExpected(join(source, "model.safetensors"))).flatMap(
    ([old, { shape, data }]): TensorToWrite[] => {
      const renamed = rename(old);
      return renamed === null ? [] : [{ name: renamed, dtype: "F32", shape, data: data as Float32Array<ArrayBuffer> }];
    },
  );
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  return folder;
}
