import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ImageEmbeddings, type LoadOptions, loadProjector, VQRAE } from "../../../sdk/index.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { cosine } from "../cosine.ts";
import { largestDifference, readExpected } from "../expected.ts";
import { partsOf } from "./parts-of.ts";
import { pictures } from "./pictures.ts";
import { rewritten } from "./rewritten.ts";

/** Tiny models of every family against what transformers makes of four images (make_projectors.py). */

/** Of embeddings of a size of one to five. */
const tolerance = 1e-4;
const at = (name: string) => join(import.meta.dirname, name);

async function embedder(encoder: string, projector: string, options: LoadOptions = {}): Promise<VQRAE> {
  const loaded = await loadProjector(projector);
  const tokenizer = await VQRAE.load(encoder, { projector: loaded, device: "cpu", threads: 1, ...options });
  onTestFinished(() => tokenizer.dispose());
  return tokenizer;
}

const numbersOf = ({ segments }: ImageEmbeddings): number[] =>
  segments.flatMap((segment) => (segment.type === "embeddings" ? [...segment.data] : []));

function expectReference(embedded: readonly ImageEmbeddings[], name: string): void {
  const numbers = readExpected(join(at(name), "expected.safetensors"));
  const parts = JSON.parse(readFileSync(join(at(name), "expected.json"), "utf8"));
  expect(embedded.map(partsOf)).toEqual(parts);
  for (const [i, one] of embedded.entries()) {
    const { shape, data } = numbers[String(i)]!;
    expect([one.tokens, one.embeddingDim]).toEqual(shape);
    expect(largestDifference(numbersOf(one), data)).toBeLessThan(tolerance);
  }
}

const fixtures = [
  { name: "llava-1.5", type: "llava", inputDim: 16, tokensPerView: 16 },
  { name: "llava-1.5-layers", type: "llava", inputDim: 32, tokensPerView: 16 },
  { name: "llava-next", type: "llava_next", inputDim: 16, tokensPerView: 16 },
  { name: "internvl", type: "internvl", inputDim: 16, tokensPerView: 4 },
  { name: "gemma3", type: "gemma3", inputDim: 16, tokensPerView: 4 },
  { name: "gemma3-pan-and-scan", type: "gemma3", inputDim: 16, tokensPerView: 4 },
  { name: "idefics3", type: "idefics3", inputDim: 16, tokensPerView: 4 },
  { name: "smolvlm-whole", type: "idefics3", inputDim: 16, tokensPerView: 1 },
  { name: "lfm2-vl", type: "lfm2_vl", inputDim: 16, tokensPerView: null },
  { name: "lfm2-vl-no-norm", type: "lfm2_vl", inputDim: 16, tokensPerView: null },
];

describe.each(fixtures)("$name, as transformers saved it", ({ name, type, inputDim, tokensPerView }) => {
  it("gives the same embeddings, in the order and with the text of its processor", async () => {
    const tokenizer = await embedder(at(name), at(name));
    expect(tokenizer.info.projector).toMatchObject({ type, modelId: name, inputDim, outputDim: 8, tokensPerView });
    expectReference(await tokenizer.embed(pictures), name);
  });

  it("one image at a time, one view a run, prepacked and warmed up", async () => {
    const tokenizer = await embedder(at(name), at(name), { batchSize: 1, prepack: true, warmup: true });
    const embedded = [];
    for (const picture of pictures) embedded.push(await tokenizer.embed(picture));
    expectReference(embedded, name);
  });

  it("with an int8 encoder is close to fp32", async () => {
    const tokenizer = await embedder(at(name), at(name), { precision: "int8", cacheDir: await temporaryFolder() });
    const embedded = await tokenizer.embed(pictures);
    const numbers = readExpected(join(at(name), "expected.safetensors"));
    for (const [i, one] of embedded.entries())
      expect(cosine(Float32Array.from(numbersOf(one)), numbers[String(i)]!.data as Float32Array)).toBeGreaterThan(0.99);
  });
});

describe("other names for the same tensors", () => {
  it.each(["llava-1.5", "llava-next", "internvl", "gemma3"])(
    "%s below model., as transformers 5 holds it",
    async (name) => {
      const folder = await rewritten(name, (tensor) =>
        tensor.startsWith("language_model.lm_head")
          ? tensor.replace("language_model.", "")
          : `model.${tensor.replace("language_model.model.", "language_model.")}`,
      );
      const tokenizer = await embedder(folder, folder);
      expectReference(await tokenizer.embed(pictures), name);
    },
  );

  const mmProjector = (tensor: string) =>
    tensor.startsWith("language_model.")
      ? null
      : tensor
          .replace("multi_modal_projector.linear_1", "model.mm_projector.0")
          .replace("multi_modal_projector.linear_2", "model.mm_projector.2")
          .replace("image_newline", "model.image_newline")
          .replace("vision_tower.", "model.vision_tower.vision_tower.vision_model.");
  const clip = ({ do_pad: _, image_grid_pinpoints: __, ...fields }: Record<string, unknown>) => ({
    ...fields,
    image_processor_type: "CLIPImageProcessor",
  });

  it("the original LLaVA 1.5", async () => {
    const folder = await rewritten("llava-1.5", mmProjector, ({ vision_config }) => ({
      model_type: "llava",
      mm_projector_type: "mlp2x_gelu",
      mm_vision_select_layer: -2,
      mm_vision_select_feature: "patch",
      image_aspect_ratio: "square",
      vision_config,
    }));
    expectReference(await (await embedder(folder, folder)).embed(pictures), "llava-1.5");
  });

  it("the original LLaVA 1.6", async () => {
    const config = ({ vision_config, image_grid_pinpoints }: Record<string, unknown>) => ({
      model_type: "llava_llama",
      mm_projector_type: "mlp2x_gelu",
      mm_vision_select_layer: -2,
      mm_patch_merge_type: "spatial_unpad",
      image_aspect_ratio: "anyres",
      image_grid_pinpoints: (image_grid_pinpoints as [number, number][]).map(([height, width]) => [width, height]),
      vision_config,
    });
    const folder = await rewritten("llava-next", mmProjector, config, clip);
    expectReference(await (await embedder(folder, folder)).embed(pictures), "llava-next");
  });

  const mlp1 = (tensor: string) =>
    tensor.startsWith("multi_modal_projector.")
      ? tensor
          .replace("multi_modal_projector.layer_norm", "mlp1.0")
          .replace("multi_modal_projector.linear_1", "mlp1.1")
          .replace("multi_modal_projector.linear_2", "mlp1.3")
      : null;

  it("the original InternVL, the projector in a folder of its own", async () => {
    const config = () => ({ model_type: "internvl_chat", ps_version: "v2", select_layer: -1, downsample_ratio: 0.5 });
    const folder = await rewritten("internvl", mlp1, config);
    expectReference(await (await embedder(at("internvl"), folder)).embed(pictures), "internvl");
  });

  it("our own folder, whose tiles go before the encoder's", async () => {
    const config = (tiles: object | null) => () => ({
      model_type: "vqrae_projector",
      projector_type: "internvl",
      hidden_size: 16,
      text_hidden_size: 8,
      downsample_ratio: 0.5,
      layer_norm_eps: 1e-5,
      features: { layer: -1, postNorm: false },
      image_prefix: "<img>",
      image_suffix: "</img>",
      tiles,
    });
    const tiled = await rewritten("internvl", mlp1, config({ min: 1, max: 6, thumbnail: true }));
    // The tower alone: without tiles of its own.
    const encoder = await rewritten(
      "internvl",
      (tensor) => (tensor.startsWith("vision_tower.") ? tensor.replace("vision_tower.", "") : null),
      ({ vision_config }) => vision_config as Record<string, unknown>,
      ({ processor_class: _, ...fields }) => fields,
    );
    const tokenizer = await embedder(encoder, tiled);
    expect(await tokenizer.views(pictures[0]!)).toHaveLength(1);
    expectReference(await tokenizer.embed(pictures), "internvl");

    const whole = await embedder(at("internvl"), await rewritten("internvl", mlp1, config(null)));
    const embedded = await whole.embed(pictures);
    expect(embedded.map(partsOf)).toEqual(Array(4).fill(["<img>", 4, "</img>"]));
    // The thumbnail, which comes last, is the whole image too.
    const expected = readExpected(join(at("internvl"), "expected.safetensors"))["0"]!.data;
    expect(largestDifference(numbersOf(embedded[0]!), expected.slice(-4 * 8))).toBeLessThan(tolerance);
  });
});

it("an image's embeddings see each other in Gemma 3 alone", async () => {
  const attention = async (name: string) => {
    const { segments } = await (await embedder(at(name), at(name))).embed(pictures[0]!);
    return new Set(segments.flatMap((segment) => (segment.type === "embeddings" ? [segment.attention] : [])));
  };
  expect(await attention("gemma3")).toEqual(new Set(["full"]));
  for (const name of ["llava-next", "internvl", "idefics3", "lfm2-vl"])
    expect(await attention(name)).toEqual(new Set(["causal"]));
});
