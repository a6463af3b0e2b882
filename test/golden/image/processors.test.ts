import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { imageProcessors } from "../../../sdk/families/image/all.ts";
import { pixtralImageProcessor } from "../../../sdk/families/pixtral/image.ts";
import { qwen2VlImageProcessor } from "../../../sdk/families/qwen-vl/image.ts";
import { vitImageProcessor } from "../../../sdk/families/vit/image.ts";
import { type Consumer, encoder, read } from "../../standalone/checkpoint/image-consumer.ts";
import { failure } from "../../standalone/checkpoint/temporary.ts";

/** The processors' own values and the fields that they know, against transformers' classes (make_processors.py). */

type Fields = Record<string, unknown>;
const { classes } = JSON.parse(readFileSync(join(import.meta.dirname, "processors.json"), "utf8")) as {
  classes: Record<string, { defaults: Fields; kwargs: string[] }>;
};

const known = [...imageProcessors, qwen2VlImageProcessor(2), pixtralImageProcessor(1)];

/** An encoder of whatever size, with grids of the kind that the class makes images for. */
function anyEncoder(name: string): Consumer {
  const native = known.find(({ classes }) => classes.includes(name))?.makes === "native";
  return {
    ...encoder(vitImageProcessor),
    known,
    encoder: { imageSize: 99, patchSize: 16, grids: native ? "native" : "square" },
  };
}

const plan = (name: string, fields: Fields) =>
  read({ image_processor_type: name, ...fields }, "preprocessor_config.json", anyEncoder(name));

/** LLaVA-NeXT's own canvases are no multiples of its own tile; the encoder here has patches of 16. */
const needed: Record<string, Fields> = {
  Qwen2VLImageProcessor: { patch_size: 16 },
  LlavaNextImageProcessor: { size: { shortest_edge: 336 }, crop_size: 336 },
};

it("every class is here", () => {
  expect(Object.keys(classes)).toEqual(known.flatMap(({ classes }) => classes));
});

describe.each(Object.entries(classes))("%s", (name, { defaults: own, kwargs }) => {
  const defaults = { ...own, ...needed[name] };

  it("has transformers' own values where a file has none", async () => {
    expect(await plan(name, { ...needed[name] })).toEqual(await plan(name, defaults));
  });

  it.each(kwargs)("knows %s: it counts, is refused with what it must be, or changes nothing", async (kwarg) => {
    const without = await plan(name, defaults);
    const outcome = await plan(name, { ...defaults, [kwarg]: "something" }).catch((error: unknown) => error);
    if (outcome instanceof Error) expect(outcome.message).not.toContain("no such field");
    else expect(outcome).toEqual(without);
  });

  it("refuses by name what the class does not know", async () => {
    const { code, message } = await failure(plan(name, { ...defaults, do_sharpen: true }));
    expect(code).toBe("INVALID_CONFIG");
    expect(message).toMatch(
      /^Expected no such field for do_sharpen in .*preprocessor_config\.json but received true\. .*: update vqrae, or remove/,
    );
    for (const value of [null, false, [], {}, ""]) await plan(name, { ...defaults, do_sharpen: value });
  });
});
