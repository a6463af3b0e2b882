import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ImageGenerator, loadGenerator } from "../../../adapters/generation/index.ts";
import { ggufValue, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { type RunningServer, startLlamaServer } from "../../helpers/llama-server/start.ts";
import { type TinyGenerator, tinyGeneratorFolder } from "../../helpers/tiny-generator.ts";
import { failure } from "../checkpoint/temporary.ts";

const folder = tinyGeneratorFolder();
let tiny: TinyGenerator;
let server: RunningServer;
let served: ImageGenerator;
let local: ImageGenerator;
beforeAll(async () => {
  tiny = await folder.write("tiny.gguf", { sampling: { guidanceScale: 3 } });
  server = await startLlamaServer(tiny.llm);
  served = await loadGenerator({ ...tiny, server: server.url });
  local = await loadGenerator(tiny, { gpu: false, threads: 1, imagesAtOnce: 1 });
});
afterAll(async () => {
  await served?.dispose();
  await local?.dispose();
  await server?.[Symbol.asyncDispose]();
  await folder.remove();
});

const plain = { guidanceScale: 1, seed: 3 } as const;

describe("through llama-server", () => {
  it("says that there is no guidance, before anything is sent", async () => {
    expect(served.info).toMatchObject({ guidance: false, imagesAtOnce: 1 });
    for (const options of [{}, { preset: "janus" }, { guidanceScale: 2 }] as const) {
      const error = await failure(served.generateImages("hello", options));
      expect(error).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("guidanceScale: 1") });
    }
  });

  it("says that it knows no likelihoods, before anything is sent", async () => {
    expect(served.info).toMatchObject({ likelihoods: false });
    const error = await failure(served.generateImages("hello", { ...plain, bestOf: 2 }));
    expect(error).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("bestOf 1") });
  });

  it("greedy ids are those of llama.cpp in this process", async () => {
    const greedy = { ...plain, temperature: 0 };
    for (const prompt of ["hello", "", "<|visual_3|>"]) {
      const [own] = await served.generateImages(prompt, greedy);
      expect(own!.ids).toEqual((await local.generateImages(prompt, greedy))[0]!.ids);
    }
  });

  it("draws visual tokens only, again for the same seed, and keeps the rows of an image", async () => {
    const images = await served.generateImages("hello", { ...plain, n: 3 });
    expect(images.map(({ ids }) => ids.length)).toEqual([16, 16, 16]);
    const [again] = await served.generateImages("hello", { ...plain, seed: 4 });
    expect(again!.ids).toEqual(images[1]!.ids);
    const kept = [...images[0]!.ids.subarray(0, 8)];
    const [continued] = await served.generateImages("hello", { ...plain, continueImage: { ids: kept, rows: 2 } });
    expect([...continued!.ids.subarray(0, 8)]).toEqual(kept);
  });

  it("keeps ids wherever they are, and draws the others as this process does", async () => {
    const redraw = Array.from({ length: 16 }, (_, i) => [0, 5, 6, 15].includes(i));
    const editImage = { ids: Array.from({ length: 16 }, (_, i) => i), redraw };
    const greedy = { ...plain, temperature: 0, editImage };
    const [own] = await served.generateImages("hello", greedy);
    expect(own!.ids).toEqual((await local.generateImages("hello", greedy))[0]!.ids);
    const [drawn] = await served.generateImages("hello", { ...plain, editImage });
    expect([...drawn!.ids].filter((_, i) => !redraw[i])).toEqual(editImage.ids.filter((_, i) => !redraw[i]));
    expect((await served.generateImages("hello", { ...plain, editImage }))[0]!.ids).toEqual(drawn!.ids);
  });

  it("events and previews come as they do otherwise", async () => {
    const types = [];
    for await (const { type } of served.generate("hello", { ...plain, previewRows: 2 })) types.push(type);
    const progress = Array.from({ length: 8 }, () => "progress");
    expect(types).toEqual([...progress, "preview", ...progress, "image"]);
  });

  it("an abort ends the request, and the server serves the next", async () => {
    const controller = new AbortController();
    const run = async () => {
      for await (const _ of served.generate("hello", { ...plain, signal: controller.signal })) {
        controller.abort(new Error("enough"));
      }
    };
    await expect(run()).rejects.toThrow("enough");
    expect(await served.generateImages("hello", plain)).toHaveLength(1);
  });

  it("a prompt that the server's context has no room for is refused", async () => {
    const error = await failure(served.generateImages("word ".repeat(120), plain));
    expect(error).toMatchObject({ code: "CONTEXT_OVERFLOW", message: expect.stringContaining("--ctx-size") });
  });
});

/** A server that answers with `routes`, each a JSON value or lines of an event stream. */
async function fake(routes: Record<string, unknown>) {
  const seen: { path: string; body: Record<string, unknown> }[] = [];
  const bodyOf = async (request: IncomingMessage) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    return chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
  };
  const known: Record<string, unknown> = {
    "/props": { default_generation_settings: { n_ctx: 512 } },
    "/v1/models": { data: [{ meta: { n_vocab: tiny.vocabulary.firstToken + 64 } }] },
    "/tokenize": { tokens: [1, 2] },
    ...routes,
  };
  const http = createServer(async (request, response) => {
    seen.push({ path: request.url!, body: await bodyOf(request) });
    const answer = known[request.url!];
    if (Array.isArray(answer)) response.end(answer.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
    else response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const close = () => {
    http.closeAllConnections();
    http.close();
  };
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, seen, close };
}

describe("what the server is asked for, and what it may answer", () => {
  const first = () => tiny.vocabulary.firstToken;
  const event = (token: number) => ({ content: "", tokens: [token], stop: false });
  const end = { content: "", tokens: [], stop: true };

  async function ask(routes: Record<string, unknown>, llm = tiny.llm) {
    const server = await fake(routes);
    try {
      const generator = await loadGenerator({ llm, tokenizer: tiny.tokenizer, server: server.url });
      try {
        return { images: await generator.generateImages("x", { ...plain, topK: 7, topP: 0.9 }), seen: server.seen };
      } finally {
        await generator.dispose();
      }
    } finally {
      server.close();
    }
  }
  const completion = () => [...Array.from({ length: 16 }, (_, id) => event(first() + id)), end];

  it("tokens, a bias on the visual ones, and LlamaGen's order of samplers", async () => {
    const { images, seen } = await ask({ "/completion": completion() });
    expect([...images[0]!.ids]).toEqual(Array.from({ length: 16 }, (_, id) => id));
    const { body } = seen.at(-1)!;
    expect(body).toMatchObject({
      prompt: [1, 2, tiny.vocabulary.boiToken],
      n_predict: 16,
      temperature: 1,
      top_k: 7,
      top_p: 0.9,
      seed: 3,
      samplers: ["temperature", "top_k", "top_p"],
      ignore_eos: true,
      return_tokens: true,
    });
    expect(body.logit_bias).toEqual(Array.from({ length: 64 }, (_, id) => [first() + id, 100]));
  });

  it("a begin-of-text token where the model has one", async () => {
    const llm = `${tiny.llm}.bos`;
    const bos: [string, ReturnType<typeof ggufValue.bool>][] = [
      ["tokenizer.ggml.add_bos_token", ggufValue.bool(true)],
      ["tokenizer.ggml.bos_token_id", ggufValue.uint32(260)],
    ];
    await rewriteGguf(tiny.llm, llm, { metadata: bos });
    const { seen } = await ask({ "/completion": completion() }, llm);
    expect(seen.at(-1)!.body.prompt).toEqual([260, 1, 2, tiny.vocabulary.boiToken]);
  });

  it.each([
    ["a token that is not visual", () => [event(3)], "RUNTIME", "token 3"],
    ["no ids of tokens", () => [{ ...event(0), tokens: [] }, end], "SERVER_ERROR", "return_tokens"],
    ["an end before the image is whole", () => [event(first()), end], "SERVER_ERROR", "16 tokens"],
    ["a stream that breaks off", () => [event(first())], "SERVER_ERROR", "broke off"],
  ] as const)("%s is an error", async (_, events, code, message) => {
    expect(await failure(ask({ "/completion": events() }))).toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it("another model than the file's, or a context that no image fits, is refused", async () => {
    const other = await failure(ask({ "/v1/models": { data: [{ meta: { n_vocab: 9 } }] } }));
    expect(other).toMatchObject({ code: "INCOMPATIBLE", message: expect.stringContaining("one with 9") });
    const short = await failure(ask({ "/props": { default_generation_settings: { n_ctx: 16 } } }));
    expect(short).toMatchObject({ code: "CONTEXT_OVERFLOW", message: expect.stringContaining("--ctx-size") });
    const odd = await failure(ask({ "/tokenize": {} }));
    expect(odd).toMatchObject({ code: "SERVER_ERROR", message: expect.stringContaining("/tokenize") });
  });

  it("no server is an error that says how to start one", async () => {
    const server = await fake({});
    server.close();
    const error = await failure(loadGenerator({ ...tiny, server: server.url }));
    expect(error).toMatchObject({
      code: "SERVER_UNREACHABLE",
      message: expect.stringContaining("`llama-server -m model.gguf`"),
    });
  });
});
