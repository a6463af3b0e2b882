import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { VqraeError } from "../../../sdk/index.ts";
import { type MockCall, mockTokenizer } from "../../../sdk/testing/index.ts";
import { failure } from "../checkpoint/temporary.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

/** One colour all over. */
const plain = (red: number, green: number, blue: number, width = 16, height = 16) => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => [red, green, blue][i % 3] ?? 0),
  width,
  height,
});

describe("the mock tokenizer", () => {
  it("has the sizes that its options state", async () => {
    const tokenizer = mockTokenizer({
      modelId: "mine",
      grid: { rows: 2, columns: 3 },
      featureDim: 5,
      codebook: { size: 7, codesPerToken: 2 },
      embeddingDim: 4,
    });
    expect(tokenizer.info).toMatchObject({
      modelId: "mine",
      grid: { rows: 2, columns: 3 },
      maxTokens: 6,
      featureDim: 5,
      codebook: { size: 7, dim: 3, codesPerToken: 2 },
      decodes: "ids",
      inputSize: { width: 24, height: 16 },
      outputSize: { width: 24, height: 16 },
      projector: { outputDim: 4, tokensPerView: 6 },
    });
    const { features, classToken, ids } = await tokenizer.encode(picture(30, 30));
    expect([features.length, classToken?.length, ids.length]).toEqual([30, 5, 12]);
    expect((await tokenizer.embed(picture(30, 30))).segments).toMatchObject([
      { type: "text", text: "<image>" },
      { type: "embeddings", grid: { rows: 2, columns: 3 } },
      { type: "text", text: "</image>" },
    ]);
  });

  it("gives colours: features are the mean, ids the nearest, and decode paints them", async () => {
    const tokenizer = mockTokenizer({ codebook: { size: 4096 }, featureDim: 3 });
    const { features, ids } = await tokenizer.encode(plain(255, 0, 51));
    expect([...features.subarray(0, 3)].map((value) => value.toFixed(2))).toEqual(["1.00", "-1.00", "-0.60"]);
    expect(new Set(ids).size).toBe(1);
    const { data } = await tokenizer.decode(ids);
    expect(Math.max(...[255, 0, 51].map((level, c) => Math.abs(level - (data[c] ?? 0))))).toBeLessThan(30);
  });

  it("decodes its own features to the pixels that they were", async () => {
    const tokenizer = mockTokenizer({ codebook: null, decodes: "features" });
    const { features } = await tokenizer.encode(plain(200, 100, 50));
    expect([...(await tokenizer.decode(features)).data.subarray(0, 3)]).toEqual([200, 100, 50]);
  });

  it("has a code for each strip of a token, and a shape for each image where there is no grid", async () => {
    const tokenizer = mockTokenizer({ grid: null, maxTokens: 12, codebook: { codesPerToken: 2 } });
    const { grid, ids } = await tokenizer.encode(plain(9, 9, 9, 40, 10));
    expect(grid.columns).toBeGreaterThan(grid.rows);
    expect(ids.length).toBe(grid.rows * grid.columns * 2);
    const image = await tokenizer.decode(ids, { grid });
    expect(image).toMatchObject({ width: grid.columns * 8, height: grid.rows * 8 });
    expect(await failure(tokenizer.decode(ids))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("samples where it is asked to: the same seed, the same pixels, and none, others", async () => {
    const tokenizer = mockTokenizer({ samples: true });
    const ids = new Int32Array(16);
    const [seven, again, eight, ...free] = [
      await tokenizer.decode(ids, { seed: 7 }),
      await tokenizer.decode(ids, { seed: 7 }),
      await tokenizer.decode(ids, { seed: 8 }),
      await tokenizer.decode(ids),
      await tokenizer.decode(ids),
    ];
    expect(again).toEqual(seven);
    expect(eight).not.toEqual(seven);
    expect(free[0]).not.toEqual(free[1]);
    const [first, second] = await tokenizer.decode([ids, ids], { seed: 7 });
    expect([first, second]).toEqual([seven, seven]);
  });

  it("keeps its calls with their arguments, also those that it refuses", async () => {
    const tokenizer = mockTokenizer({ decodes: null });
    const image = picture(8, 8);
    await tokenizer.encode([image], { ids: false });
    await failure(tokenizer.encode("no-such-file.png"));
    await failure(tokenizer.decode([1, 2]));
    await tokenizer.codebookVectors([0]);
    await tokenizer.views(image);
    await tokenizer.dispose();
    expect(tokenizer.calls).toEqual([
      { method: "encode", input: [image], options: { ids: false } },
      { method: "encode", input: "no-such-file.png", options: undefined },
      { method: "decode", input: [1, 2], options: undefined },
      { method: "codebookVectors", input: [0] },
      { method: "views", input: image },
      { method: "dispose" },
    ]);
  });

  it("fails on demand, with what onCall throws", async () => {
    const broken = new VqraeError("RUNTIME", "the device is gone");
    const tokenizer = mockTokenizer({
      onCall: ({ method }) => {
        if (method === "decode") throw broken;
      },
    });
    await tokenizer.encode(picture(8, 8));
    await expect(tokenizer.decode(new Int32Array(16))).rejects.toBe(broken);
  });

  it("waits for delayMs and for what onCall promises, unless its signal aborts", async () => {
    const seen: MockCall["method"][] = [];
    const onCall = async ({ method }: MockCall) => {
      await wait(20);
      seen.push(method);
    };
    const tokenizer = mockTokenizer({ delayMs: 20, onCall });
    const start = performance.now();
    await tokenizer.encode(picture(8, 8));
    expect(performance.now() - start).toBeGreaterThan(35);
    expect(seen).toEqual(["encode"]);

    const endless = mockTokenizer({ delayMs: 2 ** 30 });
    const reason = new Error("enough");
    const controller = new AbortController();
    const pending = endless.encode(picture(8, 8), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await expect(pending).rejects.toBe(reason);
  });

  it("lets a call that is running end when it is disposed", async () => {
    const tokenizer = mockTokenizer({ delayMs: 10 });
    let decoded = false;
    const pending = tokenizer.decode(new Int32Array(16)).then(() => {
      decoded = true;
    });
    await tokenizer.dispose();
    expect(decoded).toBe(true);
    await pending;
  });

  it.each<[unknown, string]>([
    [{ grids: 4 }, "the options of mockTokenizer"],
    [{ grid: { rows: 0, columns: 2 } }, 'option "grid"'],
    [{ codebook: { codesPerToken: 9 } }, "codesPerToken to 8"],
    [{ featureDim: null, codebook: null }, "Expected features or a codebook"],
    [{ codebook: null, decodes: "ids" }, 'Expected "features" or null'],
    [{ featureDim: null, decodes: "features" }, 'Expected "ids" or null'],
    [{ delayMs: -1 }, 'option "delayMs"'],
  ])("refuses %j", (options, message) => {
    expect(() => mockTokenizer(options as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) }),
    );
  });
});
