import { describe, expect, it, onTestFinished } from "vitest";
import { type LoadOptions, loadProjector, type Projector, VQRAE } from "../../../sdk/index.ts";
import { failure } from "../checkpoint/temporary.ts";
import { golden, picture, tinyEncoder, tinyVqrae } from "../runtime/fixtures/tiny.ts";
import { type Tensors, type TinyProjectorConfig, writeTinyProjector } from "./tiny-projector.ts";

async function load(
  source: string,
  change?: (config: TinyProjectorConfig, tensors: Tensors) => void,
  options: LoadOptions = {},
): Promise<VQRAE> {
  const width = source === tinyVqrae ? 32 : 16;
  const projector = await loadProjector(await writeTinyProjector(change, width));
  const tokenizer = await VQRAE.load(source, { projector, device: "cpu", threads: 1, ...options });
  onTestFinished(() => tokenizer.dispose());
  return tokenizer;
}

describe("embed", () => {
  it("gives one image, or many in their order, whatever the batches", async () => {
    const images = Array.from({ length: 5 }, (_, i) => picture(20 + i, 30 - i, i));
    const many = await (await load(tinyVqrae, undefined, { batchSize: 2, workers: 2 })).embed(images);
    const tokenizer = await load(tinyVqrae);
    for (const [i, image] of images.entries()) expect(await tokenizer.embed(image)).toEqual(many[i]);
    expect(await tokenizer.embed([])).toEqual([]);
    expect(new Set(many.map((one) => JSON.stringify(one))).size).toBe(5);
  });

  it("puts prefix and suffix around the views, and tiles before the thumbnail", async () => {
    const tokenizer = await load(tinyVqrae, (config) => {
      config.tiles = { min: 1, max: 4, thumbnail: true };
    });
    const { tokensPerView } = tokenizer.info.projector!;
    const wide = await tokenizer.embed(picture(90, 30));
    expect(wide.segments.map((segment) => (segment.type === "text" ? segment.text : segment.grid.rows))).toEqual([
      "<image>",
      ...Array(4).fill(Math.sqrt(tokensPerView!)),
      "</image>",
    ]);
    expect(wide).toMatchObject({ tokens: 4 * tokensPerView!, embeddingDim: 6 });
    const square = await tokenizer.embed(picture(30, 30));
    expect(square.segments).toHaveLength(3); // one tile, and then no thumbnail
  });

  it("leaves encode's features, ids and decode as they are", async () => {
    const plain = await VQRAE.load(tinyVqrae, { device: "cpu", threads: 1 });
    onTestFinished(() => plain.dispose());
    const tokenizer = await load(tinyVqrae, (config) => {
      config.features = { layer: 1, postNorm: false };
    });
    const image = picture(25, 25);
    const encoded = await tokenizer.encode(image);
    expect(encoded).toEqual(await plain.encode(image));
    expect(await tokenizer.decode(encoded.ids!)).toEqual(await plain.decode(encoded.ids!));
    const last = await load(tinyVqrae);
    expect(await last.embed(image)).not.toEqual(await tokenizer.embed(image));
  });

  it("has the features that the projector names: encode's, projected by hand", async () => {
    const identity = (config: TinyProjectorConfig, tensors: Tensors) => {
      config.features = { layer: 2, postNorm: false };
      config.text_hidden_size = 16;
      const unit = Float32Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 1 : 0));
      for (const name of ["mlp1.1", "mlp1.3"]) {
        tensors[`${name}.weight`] = { shape: [16, 16], data: unit };
        // GELU is the identity on large numbers: up and down again.
        tensors[`${name}.bias`] = { shape: [16], data: new Float32Array(16).fill(name === "mlp1.1" ? 100 : -100) };
      }
      tensors["mlp1.0.weight"] = { shape: [16], data: new Float32Array(16).fill(1) };
      tensors["mlp1.0.bias"] = { shape: [16], data: new Float32Array(16) };
    };
    const tokenizer = await load(tinyEncoder, identity, { features: { layer: 2 } });
    const { features } = await tokenizer.encode(picture(14, 14));
    const [, segment] = (await tokenizer.embed(picture(14, 14))).segments;
    if (segment?.type !== "embeddings") throw new Error("no embeddings");
    for (let token = 0; token < 9; token++) {
      const row = features!.slice(token * 16, (token + 1) * 16);
      const mean = row.reduce((a, b) => a + b) / 16;
      const deviation = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 16 + 1e-5);
      row.forEach((x, i) => {
        expect(segment.data[token * 16 + i]).toBeCloseTo((x - mean) / deviation, 4);
      });
    }
  });

  it("takes a signal", async () => {
    const tokenizer = await load(tinyVqrae);
    const reason = new Error("enough");
    await expect(tokenizer.embed(picture(9, 9), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect((await tokenizer.embed(picture(9, 9))).segments).toHaveLength(3);
  });

  it("refuses bad input and stays usable", async () => {
    const tokenizer = await load(tinyVqrae);
    expect((await failure(tokenizer.embed("nowhere.jpg"))).code).toBe("INVALID_ARGUMENT");
    const broken = await failure(tokenizer.embed([picture(9, 9), Buffer.from("no image")]));
    expect(broken.message).toMatch(/^images\[1\]: /);
    expect((await failure(tokenizer.embed(picture(9, 9), { features: true } as never))).code).toBe("INVALID_ARGUMENT");
    expect((await tokenizer.embed(picture(9, 9))).tokens).toBeGreaterThan(0);
    await tokenizer.dispose();
    expect((await failure(tokenizer.embed(picture(9, 9)))).code).toBe("DISPOSED");
  });

  it("without a projector says how to load one", async () => {
    const tokenizer = await VQRAE.load(tinyVqrae, { device: "cpu", threads: 1 });
    onTestFinished(() => tokenizer.dispose());
    expect(tokenizer.info.projector).toBeNull();
    const { code, message } = await failure(tokenizer.embed(picture(9, 9)));
    expect(code).toBe("UNSUPPORTED");
    expect(message).toContain("loadProjector(folder)`");
  });

  it("never gives NaN", async () => {
    const nan = (_: TinyProjectorConfig, tensors: Tensors) => {
      tensors["mlp1.1.weight"]!.data[3] = Number.NaN;
    };
    const { code, message } = await failure((await load(tinyVqrae, nan)).embed(picture(9, 9)));
    expect(code).toBe("RUNTIME");
    expect(message).toContain('output "embeddings" of the projector graph');
    const checked = await failure(load(tinyVqrae, nan, { checkWeights: true }));
    expect(checked.code).toBe("INVALID_CHECKPOINT");
    expect(checked.message).toContain("mlp1.1.weight (1 NaN");
  });
});

describe("a projector that does not fit the encoder is refused at load", () => {
  it("by its width, with both named", async () => {
    const { code, message } = await failure(
      load(tinyVqrae, (config, tensors) => {
        config.hidden_size = 8;
        config.downsample_ratio = 0.5;
        expect(tensors["mlp1.0.weight"]!.shape).toEqual([32]);
      }),
    );
    expect(code).toBe("INCOMPATIBLE");
    expect(message).toMatch(/^Expected features of 8 numbers, .* for the encoder .* but received 32 numbers\./);
  });

  it("by its cells of patches", async () => {
    const narrow = (config: TinyProjectorConfig, tensors: Tensors) => {
      config.downsample_ratio = 0.5;
      tensors["mlp1.0.weight"] = { shape: [64], data: new Float32Array(64) };
      tensors["mlp1.0.bias"] = { shape: [64], data: new Float32Array(64) };
      tensors["mlp1.1.weight"] = { shape: [10, 64], data: new Float32Array(640) };
    };
    const fixed = await failure(load(tinyEncoder, narrow));
    expect(fixed.code).toBe("INCOMPATIBLE");
    expect(fixed.message).toContain("cells of 2 x 2");
    expect(fixed.message).toContain("3 x 3 patches");
    const native = await failure(load(golden("checkpoint/siglip2-naflex-vision"), narrow));
    expect(native.message).toContain("grids of any size");
  });

  it("by its layer, by the norm that it asks for, by tiles where images keep their aspect ratio", async () => {
    const layer = (config: TinyProjectorConfig) => {
      config.features = { layer: 9, postNorm: false };
    };
    expect((await failure(load(tinyEncoder, layer))).message).toContain("a block from 1 to 3");
    expect((await failure(load(golden("checkpoint/internvl")))).message).toContain("no final norm");
    const tiles = (config: TinyProjectorConfig) => {
      config.tiles = { min: 1, max: 2, thumbnail: false };
    };
    const native = await failure(load(golden("checkpoint/siglip2-naflex-vision"), tiles));
    expect(native.message).toContain("an encoder of square images");
  });

  it("by what it takes of the encoder's tokens", async () => {
    const llava = await loadProjector(golden("projector/llava-1.5"));
    const { code, message } = await failure(VQRAE.load(tinyEncoder, { projector: llava }));
    expect(code).toBe("UNSUPPORTED");
    expect(message).toContain("Expected one class token before the patches");
    const gemma = await loadProjector(golden("projector/gemma3"));
    expect((await failure(VQRAE.load(golden("projector/llava-1.5"), { projector: gemma }))).code).toBe("UNSUPPORTED");
  });

  it("by the tiles that it puts together", async () => {
    const next = await loadProjector(golden("projector/llava-next"));
    const { code, message } = await failure(VQRAE.load(golden("projector/llava-1.5"), { projector: next }));
    expect(code).toBe("INCOMPATIBLE");
    expect(message).toContain("anyres");
  });

  it("by what it is", async () => {
    for (const projector of [{}, "folder", { ops: [] }, { specificationVersion: "v2", ops: [] }]) {
      const { code, message } = await failure(
        VQRAE.load(tinyEncoder, { projector: projector as unknown as Projector }),
      );
      expect(code).toBe("INVALID_ARGUMENT");
      expect(message).toContain("loadProjector");
    }
  });
});
