import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GgufFileInfo, readGgufFileInfo } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TokenEmbeddings } from "../../../adapters/llama-cpp/vision/token-embeddings.ts";
import { type TinyLlm, writeTinyLlm } from "../../helpers/tiny-llm.ts";

const WIDTH = 64;
let folder: string;
let tiny: TinyLlm;
let info: GgufFileInfo;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-token-embeddings-"));
  tiny = await writeTinyLlm(join(folder, "qwen3.gguf"), "qwen3", { tableType: "Q8_0" });
  info = await readGgufFileInfo(tiny.path);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rowOf = (token: number) => tiny.tokenEmbeddings.slice(token * WIDTH, (token + 1) * WIDTH);

describe("TokenEmbeddings", () => {
  it("gives the rows of a model's file, however many were asked for before", async () => {
    const embeddings = await TokenEmbeddings.open(info, WIDTH);
    const all = await embeddings.rowsOf(tiny.tokens.map((_, token) => token));
    expect(all).toEqual(tiny.tokenEmbeddings);
    const last = tiny.tokens.length - 1;
    for (const tokens of [[0, last, 0], [], [7]]) {
      expect(await embeddings.rowsOf(tokens)).toEqual(Float32Array.from(tokens.flatMap((token) => [...rowOf(token)])));
    }
  });

  it("has none for a token behind the last one, and goes on", async () => {
    const embeddings = await TokenEmbeddings.open(info, WIDTH);
    expect(await embeddings.rowsOf([tiny.tokens.length])).toBeNull();
    expect(await embeddings.rowsOf([3])).toEqual(rowOf(3));
  });

  it.each<[string, (info: GgufFileInfo) => object, number?]>([
    [
      "another architecture",
      ({ metadata }) => ({ metadata: { ...metadata, general: { ...metadata.general, architecture: "gemma3" } } }),
    ],
    ["a scale", () => ({ architectureMetadata: { embedding_scale: 12 } })],
    ["several files", () => ({ splicedParts: 2 })],
    ["no file", () => ({ source: undefined })],
    ["no tensors", () => ({ fullTensorInfo: undefined })],
    [
      "a table of Q6_K",
      ({ fullTensorInfo }) => ({ fullTensorInfo: fullTensorInfo!.map((t) => ({ ...t, ggmlType: 14 })) }),
    ],
    ["another width", () => ({}), WIDTH + 32],
  ])("has none for %s", async (_, changed, width = WIDTH) => {
    const embeddings = await TokenEmbeddings.open({ ...info, ...changed(info) } as GgufFileInfo, width);
    expect(await embeddings.rowsOf([3])).toBeNull();
  });

  it("has none once the file is another one", async () => {
    const copy = await writeTinyLlm(join(folder, "copy.gguf"), "llama");
    const changed = await TokenEmbeddings.open(await readGgufFileInfo(copy.path), WIDTH);
    expect(await changed.rowsOf([3])).not.toBeNull();
    await utimes(copy.path, 1, 1);
    expect(await changed.rowsOf([4])).toBeNull();

    const cut = await TokenEmbeddings.open(await readGgufFileInfo(copy.path), WIDTH);
    await writeFile(copy.path, "GGUF");
    expect(await cut.rowsOf([3])).toBeNull();
  });
});
