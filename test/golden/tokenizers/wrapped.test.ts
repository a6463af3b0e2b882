import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { loadTokenizer } from "../../../sdk/index.ts";
import { writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { imageOf, readExpected, rowOf } from "../expected.ts";
import { shapes as unitok } from "../unitok/tiny.ts";
import { shapes, weight } from "./weights.ts";

const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const root = await mkdtemp(join(tmpdir(), "wrapped-"));
afterAll(() => rm(root, { recursive: true }));

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A file of weights whose names have something before them; `other` values are none of make_tokenizers.py's. */
async function write(path: string, parts: readonly { before: string; tensors: Shapes; other?: boolean }[]) {
  await writeSafetensors(
    path,
    parts.flatMap(({ before, tensors, other = false }) =>
      Object.entries(tensors).map(([name, shape]) => ({
        name: before + name,
        dtype: "F32" as const,
        shape,
        data: weight(other ? `${name} of another` : name, shape),
      })),
    ),
  );
  return path;
}

const llamagen = shapes.llamagen!;

describe("names below what a trainer put before them", () => {
  it.each(["module.", "_orig_mod.", "model.", "module._orig_mod.", "tokenizer.", "first_stage_model."])(
    "%s is known, and its ids are the original's",
    async (before) => {
      const folder = join(root, before);
      await mkdir(folder);
      await write(join(folder, "model.safetensors"), [{ before, tensors: llamagen }]);
      await writeFile(
        join(folder, "config.json"),
        JSON.stringify({ model_type: "vqgan", variant: "llamagen", image_size: 32 }),
      );
      await using tokenizer = await loadTokenizer(folder, { threads: 1 });
      const { ids } = await tokenizer.encode(imageOf(expected["image.0"]!), { features: false });
      expect(ids).toEqual(rowOf(expected["llamagen.ids"]!, 0));
      const alone = await write(join(root, `${before}safetensors`), [{ before, tensors: llamagen }]);
      expect((await readModel(alone)).codebook).toEqual((await readModel(folder)).codebook);
    },
  );

  it.each([
    ["janus", shapes.janus!, { licence: "deepseek" }],
    ["show-o", shapes["show-o"]!, { licence: "apache-2.0" }],
    ["taming", shapes.taming!, { licence: "mit" }],
    ["bitdance", shapes.bitdance!, { codebook: { codesPerToken: 32 } }],
    ["unitok", unitok, { codebook: { codesPerToken: 4 } }],
  ] as const)("%s is known too", async (name, tensors, found) => {
    const path = await write(join(root, `module-${name}.safetensors`), [{ before: "module.", tensors }]);
    expect(await readModel(path)).toMatchObject(found);
  });

  it("of averages beside others are the averages", async () => {
    const folder = join(root, "averages");
    await mkdir(folder);
    await write(join(folder, "model.safetensors"), [
      { before: "online_model.", tensors: llamagen, other: true },
      { before: "ema_model.", tensors: llamagen },
    ]);
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ model_type: "vqgan", variant: "llamagen", image_size: 32 }),
    );
    await using tokenizer = await loadTokenizer(folder, { threads: 1 });
    const { ids } = await tokenizer.encode(imageOf(expected["image.1"]!), { features: false });
    expect(ids).toEqual(rowOf(expected["llamagen.ids"]!, 1));
  });

  it("of two tokenizers are refused with both names", async () => {
    const parts = ["model.", "vae."].map((before) => ({ before, tensors: llamagen }));
    await expect(readModel(await write(join(root, "two.safetensors"), parts))).rejects.toMatchObject({
      code: "INVALID_CHECKPOINT",
      message: expect.stringMatching(/one tokenizer .* several: model\.\*, vae\.\*/),
    });
  });

  it("of an unknown part are not guessed: transformers' files of Janus alone are another order of levels", async () => {
    const parts = [{ before: "model.vqmodel.", tensors: shapes.taming! }];
    await expect(readModel(await write(join(root, "part.safetensors"), parts))).rejects.toMatchObject({
      code: "INVALID_CHECKPOINT",
      message: expect.stringContaining("a tokenizer that is known"),
    });
  });
});

it.each([
  ["taming", { model_type: "vqgan", variant: "llamagen" }, "INVALID_CHECKPOINT"],
  ["janus", { model_type: "vqgan", variant: "llamagen" }, "INVALID_CHECKPOINT"],
  ["open-magvit2", { model_type: "vqgan", variant: "taming" }, "INVALID_CHECKPOINT"],
  ["bitdance", { model_type: "lfq", variant: "open-magvit2" }, "INVALID_CONFIG"],
  ["show-o", { model_type: "unitok" }, "INVALID_CHECKPOINT"],
  ["llamagen", { model_type: "ta_tok" }, "INVALID_CHECKPOINT"],
])("weights of %s that config.json calls %j say what they are", async (name, config, code) => {
  const folder = await mkdtemp(join(root, "other-"));
  await write(join(folder, "model.safetensors"), [{ before: "", tensors: shapes[name]! }]);
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await expect(readModel(folder)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(new RegExp(`By their tensors these weights are those of .*"variant":"${name}"`)),
  });
});

it("Open-MAGVIT2 of four levels was trained on 128 pixels", async () => {
  const tiny = shapes["open-magvit2"]!;
  const deep = Object.entries(tiny).flatMap(([name, shape]): [string, readonly number[]][] => {
    // The first level twice: it has one width.
    const level = /^(encoder\.down|decoder\.up|decoder\.adaptive)\.([0-2])\.(.*)$/.exec(name);
    if (!level) return [[name, shape]];
    const [, part, number, rest] = level;
    const moved = `${part}.${Number(number) + 1}.${rest}`;
    return number === "0"
      ? [
          [name, shape],
          [moved, shape],
        ]
      : [[moved, shape]];
  });
  const up = { "decoder.up.1.upsample.conv1.weight": [128, 32, 3, 3], "decoder.up.1.upsample.conv1.bias": [128] };
  const tensors = { ...Object.fromEntries(deep), ...up };
  const path = await write(join(root, "four.safetensors"), [{ before: "", tensors }]);
  const { image, decoder } = await readModel(path);
  expect([image, decoder]).toMatchObject([{ size: 128 }, { outputSize: 128 }]);
});
