import { expect, it } from "vitest";
import { loadProjector, type RgbImage, VQRAE } from "../../../sdk/index.ts";
import { failure } from "./temporary.ts";

const golden = (name: string) => new URL(`../../golden/${name}`, import.meta.url).pathname;
const image: RgbImage = { data: new Uint8Array(90 * 70 * 3).fill(120), width: 90, height: 70 };

/** 90 x 70 pixels in cells of 8 x 8 (Mistral 3: 8 x 8, Pixtral: 4 x 4), of which the files allow more. */
it.each([
  ["qwen-vl/qwen3-vl", 16, { rows: 3, columns: 4 }],
  ["pixtral/pixtral", 16, { rows: 3, columns: 4 }],
  ["pixtral/mistral3", 9, { rows: 3, columns: 3 }],
])("%s: at most %i tokens", async (name, maxImageTokens, { rows, columns }) => {
  const folder = golden(name);
  const projector = await loadProjector(folder);
  await using model = await VQRAE.load(folder, { device: "cpu", threads: 1, projector, maxImageTokens });
  const { tokens } = await model.embed(image);
  expect(tokens).toBe(rows * columns);
  await using whole = await VQRAE.load(folder, { device: "cpu", threads: 1, projector });
  expect((await whole.embed(image)).tokens).toBeGreaterThan(tokens);
});

it("is refused where images have one size, and for fewer tokens than the smallest has", async () => {
  const squares = await failure(VQRAE.load(golden("checkpoint/siglip"), { maxImageTokens: 16 }));
  expect(squares).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("maxImageTokens") });
  const few = await failure(VQRAE.load(golden("qwen-vl/qwen3-vl"), { maxImageTokens: 2 }));
  expect(few).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining("at least 4") });
});
