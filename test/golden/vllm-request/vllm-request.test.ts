import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { describe, expect, it, onTestFinished } from "vitest";
import { type FloatDtype, vllmModel } from "../../../adapters/openai-client/index.ts";
import { type ImageInput, loadProjector, VQRAE } from "../../../sdk/index.ts";
import { widenBF16, widenF16 } from "../../../sdk/kit.ts";
import { failure } from "../../standalone/checkpoint/temporary.ts";
import { completion, endpoint, json } from "../../standalone/openai-client/server.ts";
import { imageOf, readExpected } from "../expected.ts";
import { pictures } from "../projector/pictures.ts";

/** Requests as vLLM's own documentation makes them, with transformers' embeddings: make_requests.py. */
interface SentTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
const requests: Record<string, unknown> = JSON.parse(readFileSync(join(import.meta.dirname, "requests.json"), "utf8"));

async function tower(folder: string): Promise<VQRAE> {
  const path = join(import.meta.dirname, "..", folder);
  const projector = await loadProjector(path);
  const tokenizer = await VQRAE.load(path, { projector, device: "cpu", threads: 1 });
  onTestFinished(() => tokenizer.dispose());
  return tokenizer;
}

const folderOf = (name: string) => (name.startsWith("qwen") ? `qwen-vl/${name}` : `projector/${name}`);

function imagesOf(name: string): [ImageInput, ImageInput] {
  if (!name.startsWith("qwen")) return [pictures[0]!, pictures[1]!];
  const expected = readExpected(join(import.meta.dirname, "..", folderOf(name), "expected.safetensors"));
  return [imageOf(expected["0.image"]!), imageOf(expected["1.image"]!)];
}

/** A body with what the base64 of tensors says in their place. */
function readable(value: unknown, key = ""): unknown {
  if (typeof value === "string" && /^image_(embeds|grid_thw)$/.test(key)) return tensorOf(Buffer.from(value, "base64"));
  if (Array.isArray(value)) return value.map((one) => readable(one));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, readable(one, name)]));
}

function tensorOf(file: Uint8Array): SentTensor {
  const records = unzipSync(file);
  const pickle = Buffer.from(records["archive/data.pkl"]!).toString("latin1");
  const storage = /(\w+)Storage/.exec(pickle)?.[1] ?? "";
  const bytes = records["archive/data/0"]!.slice().buffer;
  const [dtype, values]: [string, Iterable<number>] =
    storage === "Long"
      ? ["int64", Array.from(new BigInt64Array(bytes), Number)]
      : storage === "Float"
        ? ["float32", new Float32Array(bytes)]
        : storage === "Half"
          ? ["float16", widenF16(new Uint16Array(bytes))]
          : ["bfloat16", widenBF16(new Uint16Array(bytes))];
  // Behind the first offset, 0, lie the sizes: torch-file.test.ts compares the whole of it with torch's.
  const sizes = /QK\0((?:K[\s\S]|M[\s\S]{2})+)/.exec(pickle)?.[1] ?? "";
  const shape: number[] = [];
  for (let i = 0; i < sizes.length; i += sizes[i] === "K" ? 2 : 3) {
    const low = sizes.charCodeAt(i + 1);
    shape.push(sizes[i] === "K" ? low : low + 256 * sizes.charCodeAt(i + 2));
  }
  return { dtype, shape, values: [...values] };
}

/** The same, and numbers of tensors near each other. */
function expectLike(sent: unknown, wanted: unknown, tolerance: number): void {
  const tensors: [readonly number[], readonly number[]][] = [];
  const without = (value: unknown, found: (readonly number[])[]): unknown => {
    if (Array.isArray(value)) return value.map((one) => without(one, found));
    if (typeof value !== "object" || value === null) return value;
    if ("values" in value) found.push(value.values as number[]);
    const entries = Object.entries(value).filter(([name]) => name !== "values");
    return Object.fromEntries(entries.map(([name, one]) => [name, without(one, found)]));
  };
  const [ours, theirs]: [(readonly number[])[], (readonly number[])[]] = [[], []];
  expect(without(sent, ours)).toEqual(without(wanted, theirs));
  for (const [i, values] of ours.entries()) tensors.push([values, theirs[i]!]);
  expect(tensors.length).toBeGreaterThan(1);
  for (const [a, b] of tensors) {
    expect(a.length).toBe(b.length);
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))).toBeLessThan(tolerance);
  }
}

async function send(name: string, dtype?: FloatDtype) {
  const { baseUrl, received } = await endpoint(completion("a cat"));
  const tokenizer = await tower(folderOf(name));
  const model = vllmModel({ baseUrl, model: name, tokenizer, ...(dtype && { dtype }) });
  const [first, second] = imagesOf(name);
  const answer = await model.chat(
    [
      { role: "system", content: "be short" },
      { role: "user", content: [{ image: first }, "and", { image: second }, "what is it?"] },
    ],
    { maxTokens: 9, topK: 3 },
  );
  expect(answer).toEqual({ text: "a cat", finishReason: "stop", promptTokens: 7, answerTokens: 2 });
  return received[0]!.body;
}

describe("what vLLM is sent", () => {
  it.each(Object.keys(requests))("%s: transformers' embeddings in the form of vLLM's documentation", async (name) => {
    const body = await send(name);
    expectLike(readable(body), requests[name], 1e-4);
    const folder = process.env.VLLM_REQUESTS;
    if (folder === undefined) return;
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${name}.json`), JSON.stringify(body));
  });

  it.each([
    ["f16", "float16", 2e-3],
    ["bf16", "bfloat16", 2e-2],
  ] as const)("in %s as asked", async (dtype, name, tolerance) => {
    const wanted = JSON.parse(JSON.stringify(requests["llava-1.5"]).replaceAll("float32", name));
    expectLike(readable(await send("llava-1.5", dtype)), wanted, tolerance);
  });
});

describe("what vLLM takes no embeddings for", () => {
  const rest = { baseUrl: "http://127.0.0.1:9/v1", model: "m" };

  it("a projector that its table of models does not have", async () => {
    const tokenizer = await tower("projector/idefics3");
    expect(() => vllmModel({ ...rest, tokenizer })).toThrow(
      /a projector of llava, .* but received idefics3.*openAiModel/,
    );
  });

  it("a tokenizer without a projector, and none at all", async () => {
    const path = join(import.meta.dirname, "../projector/llava-1.5");
    await using tokenizer = await VQRAE.load(path, { device: "cpu", threads: 1 });
    expect(() => vllmModel({ ...rest, tokenizer })).toThrow(/a tokenizer with a projector for vllmModel/);
    expect(() => vllmModel({ ...rest, tokenizer: {} as VQRAE })).toThrow(/an Embedder/);
  });

  it("an image in pieces with text between them", async () => {
    const tokenizer = await tower("projector/gemma3-pan-and-scan");
    const model = vllmModel({ ...rest, tokenizer });
    const cut = await Promise.all(pictures.map(async (image) => (await tokenizer.embed(image)).segments.length > 3));
    const image = pictures[cut.indexOf(true)]!;
    const error = await failure(model.chat([{ role: "user", content: [{ image }] }]));
    expect(error).toMatchObject({ code: "UNSUPPORTED", message: expect.stringMatching(/an image in one piece/) });
  });
});

/** The bodies that vLLM's server answers with (entrypoints/serve/utils, `create_error_response`). */
describe("what vLLM refuses", () => {
  const refusal = (message: string) => ({ error: { message, type: "BadRequestError", param: null, code: 400 } });
  async function refused(body: object) {
    const { baseUrl, received } = await endpoint(json(body, 400));
    const tokenizer = await tower("projector/llava-1.5");
    const model = vllmModel({ baseUrl, model: "m", tokenizer, retryDelayMs: 1 });
    const error = await failure(model.chat([{ role: "user", content: [{ image: pictures[0]! }] }]));
    expect(received.length).toBe(1);
    return error;
  }

  it("embeddings, where it was started without the flag", async () => {
    const error = await refused(refusal("You must set `--enable-mm-embeds` to input `image_embeds`"));
    expect(error.code).toBe("UNSUPPORTED");
    expect(error.message).toMatch(/vllm serve MODEL --enable-mm-embeds/);
  });

  it("another width: its own words are shown", async () => {
    const error = await refused(refusal("Image embedding hidden size mismatch: expected 4096, got 8"));
    expect(error).toMatchObject({
      code: "SERVER_ERROR",
      message: expect.stringMatching(/400: .*expected 4096, got 8/),
    });
  });

  it("a conversation longer than the context, and errors in the older form", async () => {
    const text = "This model's maximum context length is 2048 tokens. However, you requested 4000 tokens";
    expect(await refused(refusal(text))).toMatchObject({ code: "CONTEXT_OVERFLOW" });
    const old = { object: "error", message: "no such model", type: "NotFoundError", code: 404 };
    expect((await refused(old)).message).toMatch(/400: no such model/);
  });
});
