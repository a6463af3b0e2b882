import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What the benchmark uses of @huggingface/transformers, which bench/package.json installs. */
interface TransformersJs {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly RawImage: {
    new (data: Uint8Array, width: number, height: number, channels: number): object;
    read(path: string): Promise<object>;
  };
  readonly AutoProcessor: { from_pretrained(name: string): Promise<(images: object) => Promise<Inputs>> };
  readonly AutoModel: { from_pretrained(name: string, options: object): Promise<Model> };
}
type Inputs = { pixel_values: object };
type Model = ((inputs: Inputs) => Promise<{ last_hidden_state: { data: Float32Array } }>) & {
  dispose(): Promise<unknown>;
};

/** A model of `make_models.py` as a user of transformers.js runs it. */
export async function openTransformersJs(folder: string, options: { dtype: "fp32" | "q8"; threads: number }) {
  const library: string = "@huggingface/transformers"; // a variable, because it is not installed where types are checked
  const { env, RawImage, AutoProcessor, AutoModel } = (await import(library)) as TransformersJs;
  env.allowRemoteModels = false;
  env.localModelPath = dirname(folder);
  const name = basename(folder);
  const processor = await AutoProcessor.from_pretrained(name);
  const external = await access(join(folder, "onnx/model.onnx_data")).then(
    () => true,
    () => false,
  );
  const model = await AutoModel.from_pretrained(name, {
    dtype: options.dtype,
    device: "cpu",
    use_external_data_format: external,
    session_options: { intraOpNumThreads: options.threads },
  });
  const prepare = async (files: readonly string[]) =>
    processor(await Promise.all(files.map((file) => RawImage.read(file))));
  const run = async (inputs: Inputs) => (await model(inputs)).last_hidden_state.data;
  return {
    /** A file's pixels. */
    read: (file: string) => RawImage.read(file),
    /** One image's inputs: resized and normalised. */
    process: (image: object) => processor([image]),
    prepare,
    run,
    /** The inputs of one grey image. */
    grey: () => processor([new RawImage(new Uint8Array(64 * 64 * 3).fill(128), 64, 64, 3)]),
    /** Files -> features [n, tokens, hidden] */
    encode: async (files: readonly string[]) => run(await prepare(files)),
    dispose: () => model.dispose(),
  };
}
