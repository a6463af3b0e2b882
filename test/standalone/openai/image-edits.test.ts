import { connect } from "node:net";
import OpenAI, { toFile } from "openai";
import type { ImageCreateVariationParams, ImageEditParamsNonStreaming } from "openai/resources";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng, readImage } from "../../../sdk/index.ts";
import { maskedPng } from "../../helpers/masked-png.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let client: OpenAI;
let png: Uint8Array<ArrayBuffer>;
let mask: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  models = await loadTinyModels();
  const limits = { bodyBytes: 1_000_000, textBytes: 100_000, images: 4, receiveMs: 1500 };
  server = await serveTiny(models, { limits });
  client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
  png = new Uint8Array(firstPng);
  mask = await maskedPng(32, 32, (x, y) => x >= 16 && y >= 16);
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

/** Before the tests are listed. */
const firstPng = await encodePng(picture(32, 32));
const pixels = async (base64: string | undefined) => (await readImage(Buffer.from(base64!, "base64"))).data;
const dataUrl = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
const asFile = (bytes: Uint8Array<ArrayBuffer>) => toFile(bytes, "image.png", { type: "image/png" });
const expectedEdit = async (options: object) =>
  new Uint8Array((await models.generator.generateImages("a cat", options))[0]!.image.data);
const url = (path: string) => `${server.url}/v1/images/${path}`;

describe("the openai client", () => {
  it("edits what the mask leaves free", async () => {
    const body = { model: "tiny-generator", prompt: "a cat", n: 2, seed: 5, guidance_scale: 3, temperature: 4 };
    const { data } = await client.images.edit({
      ...(body as unknown as ImageEditParamsNonStreaming),
      image: await asFile(png),
      mask: await asFile(mask),
    });
    expect(data).toHaveLength(2);
    const options = { seed: 5, guidanceScale: 3, temperature: 4, editImage: { image: png, mask } };
    expect(await pixels(data![0]!.b64_json)).toEqual(await expectedEdit(options));
    expect(data![0]!.b64_json).not.toBe(data![1]!.b64_json);
    const listed = await client.images.edit({
      ...(body as unknown as ImageEditParamsNonStreaming),
      image: [await asFile(png)],
      mask: await asFile(mask),
    });
    expect(listed.data).toEqual(data);
  });

  it("gets edits as they grow, by OpenAI's events", async () => {
    const body = { model: "tiny-generator", prompt: "a cat", stream: true, partial_images: 3 } as const;
    const events = [];
    const image = await asFile(png);
    for await (const event of await client.images.edit({ ...body, image, ...({ seed: 5 } as object) })) {
      events.push(event);
    }
    expect(events.map(({ type }) => type)).toEqual([
      "image_edit.partial_image",
      "image_edit.partial_image",
      "image_edit.partial_image",
      "image_edit.completed",
    ]);
    const last = await pixels(events.at(-1)!.b64_json);
    expect(last).toEqual(await expectedEdit({ seed: 5, editImage: { image: png } }));
  });

  it("makes variations of the lower rows", async () => {
    const body = { seed: 5, response_format: "b64_json" } as unknown as ImageCreateVariationParams;
    const { data } = await client.images.createVariation({ ...body, image: await asFile(png) });
    const [half] = await models.generator.generateImages("", { seed: 5, continueImage: { image: png, rows: 2 } });
    expect(await pixels(data![0]!.b64_json)).toEqual(new Uint8Array(half!.image.data));
    const most = await client.images.createVariation({
      ...({ ...body, keep: 0.9, prompt: "a dog" } as unknown as ImageCreateVariationParams),
      image: await asFile(png),
    });
    const three = { seed: 5, continueImage: { image: png, rows: 3 } };
    const [other] = await models.generator.generateImages("a dog", three);
    expect(await pixels(most.data![0]!.b64_json)).toEqual(new Uint8Array(other!.image.data));
  });
});

it("shows variations as they grow, from the first row that is drawn", async () => {
  const answer = await post(url("variations"), { image: dataUrl(png), stream: true, partial_images: 1 });
  const types = [...(await answer.text()).matchAll(/^event: (.*)$/gm)].map(([, type]) => type);
  expect(types).toEqual(["image_edit.partial_image", "image_edit.completed"]);
});

describe("a body of JSON", () => {
  it.each<[string, () => object]>([
    ["OpenAI's list", () => ({ images: [{ image_url: dataUrl(png) }], mask: { image_url: dataUrl(mask) } })],
    ["texts", () => ({ image: dataUrl(png), mask: dataUrl(mask) })],
    ["a list of texts", () => ({ image: [dataUrl(png)], mask: dataUrl(mask) })],
  ])("may have the image as %s", async (_name, fields) => {
    const answer = await post(url("edits"), { prompt: "a cat", seed: 5, ...fields() });
    expect([answer.status, answer.headers.get("x-vqrae-warning")]).toEqual([200, null]);
    const { data } = (await answer.json()) as { data: { b64_json: string }[] };
    expect(await pixels(data[0]!.b64_json)).toEqual(await expectedEdit({ seed: 5, editImage: { image: png, mask } }));
  });

  it("is warned that without a mask all may be drawn anew", async () => {
    const answer = await post(url("edits"), { prompt: "a cat", image: dataUrl(png), input_fidelity: "high" });
    expect(answer.headers.get("x-vqrae-warning")).toMatch(/input_fidelity has no effect.*Without a mask/);
  });

  it.each<[string, string, () => object, RegExp]>([
    ["no image", "edits", () => ({}), /one image/],
    ["two images", "edits", () => ({ images: [dataUrl(png), dataUrl(png)] }), /one image/],
    ["both fields", "edits", () => ({ image: dataUrl(png), images: [dataUrl(png)] }), /one image/],
    ["no prompt", "edits", () => ({ image: dataUrl(png), prompt: undefined }), /prompt/],
    ["a file of OpenAI's", "edits", () => ({ images: [{ file_id: "file-1" }] }), /keeps no files|image_url/],
    ["a path", "edits", () => ({ image: "/etc/passwd" }), /data: URL/],
    ["a mask of another size", "edits", () => ({ image: dataUrl(mask), mask: dataUrl(png.slice(0)) }), /transparent/],
    ["another size", "edits", () => ({ image: dataUrl(png), size: "1024x1024" }), /16x16/],
    ["a mask of no image", "edits", () => ({ image: dataUrl(png), mask: "data:image/png;base64,AAAA" }), /raster/],
    ["all rows", "variations", () => ({ image: dataUrl(png), keep: 1 }), /keep/],
    ["no image", "variations", () => ({}), /one image/],
  ])("is refused with %s: %s", async (_name, path, fields, message) => {
    const answer = await post(url(path), { prompt: "a cat", ...fields() });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(message);
  });
});

describe("a form", () => {
  const send = (form: FormData | string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(url("edits"), { method: "POST", body: form, headers });
  const blob = (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes], { type: "image/png" });
  function form(change: (form: FormData) => void = () => {}): FormData {
    const all = new FormData();
    all.set("prompt", "a cat");
    all.set("image", blob(png), "a.png");
    change(all);
    return all;
  }
  /** It goes on. */
  async function refused(answer: Response, status: number, message: RegExp): Promise<void> {
    const { error } = (await answer.json()) as { error: { message: string; type: string } };
    expect({ status: answer.status, ...error }).toMatchObject({
      status,
      type: "invalid_request_error",
      message: expect.stringMatching(message),
    });
    expect((await send(form())).status).toBe(200);
  }
  const repeat = (count: number, add: (form: FormData, i: number) => void) =>
    form((all) => {
      for (let i = 0; i < count; i++) add(all, i);
    });

  it.each<[string, () => FormData, number, RegExp]>([
    ["without an image", () => form((all) => all.delete("image")), 400, /one image/],
    ["with an empty file", () => form((all) => all.set("image", blob(new Uint8Array(0)), "a.png")), 400, /image/],
    ["with a file of text", () => form((all) => all.set("image", new Blob(["hello"]), "a.png")), 400, /raster image/],
    ["with a broken image", () => form((all) => all.set("image", blob(png.slice(0, 200)), "a")), 400, /complete/],
    ["with an image that is text", () => form((all) => all.set("image", "/etc/passwd")), 400, /data: URL/],
    ["with two images", () => form((all) => all.append("image[]", blob(png), "b.png")), 400, /one image/],
    ["with a mask of another size", () => form((all) => all.set("mask", blob(small), "m.png")), 400, /32 x 32|pixels/],
    [
      "with a mask that keeps all",
      () => form((all) => all.set("mask", blob(png), "m.png")),
      400,
      /a transparent pixel/,
    ],
    ["with two masks", () => repeat(2, (all) => all.append("mask", blob(mask), "m.png")), 400, /one field mask/],
    ["with two prompts", () => form((all) => all.append("prompt", "a dog")), 400, /one field prompt/],
    ["with a prompt that is a file", () => form((all) => all.set("prompt", blob(png), "p")), 400, /image and mask/],
    ["with a hundred fields", () => repeat(100, (all, i) => all.set(`f${i}`, "x")), 400, /at most 64 fields/],
    ["with ten files", () => repeat(10, (all) => all.append("image[]", blob(png), "i")), 400, /at most 5 files/],
    ["with a long text", () => form((all) => all.set("prompt", "x".repeat(150_000))), 413, /100000 bytes/],
    ["with long texts", () => repeat(20, (all, i) => all.set(`f${i}`, "x".repeat(9000))), 413, /100000 bytes/],
    ["with a huge file", () => form((all) => all.set("mask", new Blob(["x".repeat(1_100_000)]), "m")), 413, /1000000/],
    ["with a number that is none", () => form((all) => all.set("n", "many")), 400, /for n /],
    ["that names __proto__", () => form((all) => all.set("__proto__", "x")), 200, /^$/],
  ])("%s", async (_name, body, status, message) => {
    const answer = await send(body());
    if (status === 200) expect(answer.status).toBe(200);
    else await refused(answer, status, message);
  });
  let small: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    small = await maskedPng(16, 16, () => true);
  });

  const part = 'content-disposition: form-data; name="prompt"';
  const file = 'content-disposition: form-data; name="mask"; filename="m.png"';
  const withPart = (header: string) => {
    const image = 'content-disposition: form-data; name="image"\r\n\r\n';
    return `--x\r\n${part}\r\n\r\na cat\r\n--x\r\n${image}${dataUrl(firstPng)}\r\n--x\r\n${header}\r\n\r\nx\r\n--x--\r\n`;
  };
  it.each<[string, string, string]>([
    ["without a boundary", "multipart/form-data", `--x\r\n${part}\r\n\r\na cat\r\n--x--\r\n`],
    ["that is empty", "multipart/form-data; boundary=x", ""],
    ["of another boundary", "multipart/form-data; boundary=y", `--x\r\n${part}\r\n\r\na cat\r\n--x--\r\n`],
    ["that breaks off in a header", "multipart/form-data; boundary=x", "--x\r\ncontent-dispo"],
    ["that breaks off in a field", "multipart/form-data; boundary=x", `--x\r\n${part}\r\n\r\na c`],
    [
      "that breaks off in a file",
      "multipart/form-data; boundary=x",
      '--x\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\nPNG',
    ],
    ["that is JSON", "multipart/form-data; boundary=x", '{"prompt":"a cat"}'],
    // What parts the parser passes over would be missing in silence.
    [
      "whose part has a long header",
      "multipart/form-data; boundary=x",
      withPart(`x-a: ${"a".repeat(9000)}\r\n${file}`),
    ],
    ["whose part has no name", "multipart/form-data; boundary=x", withPart("content-disposition: form-data")],
    [
      "whose file has no name",
      "multipart/form-data; boundary=x",
      withPart('content-disposition: form-data; filename="a"'),
    ],
    [
      "whose part is of another kind",
      "multipart/form-data; boundary=x",
      withPart('content-disposition: attachment; name="a"'),
    ],
    ["whose part has no header", "multipart/form-data; boundary=x", withPart("")],
    [
      "whose name breaks its line",
      'multipart/form-data; boundary="x"',
      withPart('content-disposition: form-data; name="a\nb"'),
    ],
    ["that ends before it begins", "multipart/form-data; boundary=x", `--x--\r\n${part}\r\n\r\na cat\r\n--x--\r\n`],
    [
      "with headers without end",
      "multipart/form-data; boundary=x",
      `--x\r\n${part}\r\n${"a: b\r\n".repeat(20_000)}\r\nx\r\n--x--\r\n`,
    ],
  ])("%s is refused", async (_name, type, body) => {
    await refused(await send(body, { "content-type": type }), 400, /Expected/);
  });

  it("is taken where its bytes come one by one, then in small pieces, and with what stands before and behind it", async () => {
    const whole = Buffer.from(
      `before\r\n${withPart('content-disposition: form-data; name="n"').replace("x\r\n--x--", "1\r\n--x--")}behind`,
    );
    // More single bytes than these are a flood of chunks, which the server ends.
    const singles = Array.from(whole.subarray(0, 900), (byte) => Uint8Array.of(byte));
    const pieces = Array.from({ length: Math.ceil((whole.length - 900) / 31) }, (_, i) =>
      whole.subarray(900 + 31 * i, 931 + 31 * i),
    );
    const body = ReadableStream.from([...singles, ...pieces]);
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const init = { method: "POST", headers, body, duplex: "half" } as const;
    expect((await fetch(url("edits"), init)).status).toBe(200);
  });

  it("is no body of other paths", async () => {
    const answer = await fetch(url("generations"), { method: "POST", body: form() });
    expect(answer.status).toBe(415);
    const text = await send("hello", { "content-type": "text/plain" });
    expect([text.status, await text.text()]).toEqual([415, expect.stringContaining("multipart/form-data or")]);
  });

  it("that comes too slowly is ended, and the next is served", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /v1/images/edits HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 9999\r\n\r\n--x\r\n${part}\r\n\r\na`,
    );
    let said = "";
    for await (const chunk of socket) said += chunk;
    expect(said).toMatch(/^HTTP\/1.1 408 /);
    expect((await send(form())).status).toBe(200);
  });
});
