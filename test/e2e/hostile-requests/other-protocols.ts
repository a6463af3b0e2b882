import type { HostileRequest } from "./corpus.ts";

/** The same attempts in the protocols that the corpus' other requests do not speak. */
const MiB = 2 ** 20;
const IMAGE = Buffer.alloc(MiB, 7).toString("base64");
const URL_OF_NONE = `data:image/png;base64,${IMAGE}`;
const model = "tiny-vlm";

const request = (name: string, path: string, status: number, body: () => object): HostileRequest => ({
  name,
  path,
  body: () => JSON.stringify(body()),
  status,
});
const response = (name: string, status: number, fields: () => object) =>
  request(`${name}, as a response`, "/v1/responses", status, () => ({ model, max_output_tokens: 4, ...fields() }));
const ollama = (name: string, status: number, fields: () => object) =>
  request(`${name}, by Ollama's protocol`, "/api/chat", status, () => ({
    model,
    stream: false,
    options: { num_predict: 4 },
    ...fields(),
  }));
const message = (name: string, status: number, fields: () => object) =>
  request(`${name}, by Anthropic's protocol`, "/v1/messages", status, () => ({ model, max_tokens: 4, ...fields() }));
const embedding = (name: string, status: number, fields: () => object) =>
  request(`${name}, to embed`, "/v1/embeddings", status, () => ({ model: "vqrae-two-layers", ...fields() }));
const part = (name: string, value: string, file = "") =>
  `--x\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
const form = (name: string, status: number, parts: () => string): HostileRequest => ({
  name: `${name}, in a form`,
  path: "/v1/images/edits",
  body: () => `${part("prompt", "a")}${parts()}--x--\r\n`,
  contentType: "multipart/form-data; boundary=x",
  status,
});
const says = (content: unknown) => ({ messages: [{ role: "user", content }] });
const long = "word ".repeat(400_000);

export const otherProtocols: readonly HostileRequest[] = [
  form("half a million fields", 400, () => part("a", "").repeat(500_000)),
  form("a file of 31 MiB that is no image", 400, () => part("image", "x".repeat(31 * MiB), '; filename="a"')),
  form("a text of 31 MiB", 413, () => part("prompt", "x".repeat(31 * MiB))),
  form("headers of 31 MiB", 400, () => `--x\r\n${"a: b\r\n".repeat(5 * MiB)}\r\n`),
  form("31 MiB of what is almost a boundary", 400, () => "\r\n--".repeat(7 * MiB)),
  request("images that are none, to edit", "/v1/images/edits", 400, () => ({
    prompt: "a",
    image: URL_OF_NONE,
    mask: URL_OF_NONE,
  })),
  response("two million characters", 400, () => ({ input: long })),
  response("instructions of two million characters", 400, () => ({ input: "why", instructions: long })),
  response("as many messages as there may be", 400, () => ({
    input: Array(1024).fill({ role: "user", content: "a" }),
  })),
  response("thousands of messages", 400, () => ({ input: Array(30_000).fill({ role: "user", content: "a" }) })),
  response("thousands of references", 400, () => ({
    input: Array(1024).fill({ type: "item_reference", id: "msg_1" }),
  })),
  response("an id of a megabyte", 400, () => ({ input: "a", previous_response_id: "r".repeat(MiB) })),
  response("sixteen images that are none", 400, () => ({
    input: [{ role: "user", content: Array(16).fill({ type: "input_image", image_url: URL_OF_NONE }) }],
  })),
  response("as many tools as there may be", 200, () => ({ input: "why", tools: Array(1024).fill({ type: "x" }) })),
  response("thousands of tools", 400, () => ({ input: "why", tools: Array(9000).fill({ type: "x" }) })),
  response("a schema of 100,000 values", 400, () => ({
    input: "why",
    text: { format: { type: "json_schema", schema: { enum: Array.from({ length: 100_000 }, (_, i) => i) } } },
  })),
  response("a schema of references to places", 400, () => {
    const chain = Array.from({ length: 4000 }, (_, i) => [`p${i}`, { $ref: `#/properties/p${i + 1}` }]);
    return {
      input: "why",
      text: { format: { type: "json_schema", schema: { properties: Object.fromEntries([...chain, ["p4000", {}]]) } } },
    };
  }),
  request("as many biases as a body may have", "/v1/chat/completions", 400, () => ({
    model,
    max_tokens: 4,
    messages: [{ role: "user", content: "why" }],
    logit_bias: Object.fromEntries(Array.from({ length: 9900 }, (_, i) => [100_000 + i, 1])),
  })),
  request("more answers than there may be", "/v1/chat/completions", 400, () => ({
    model,
    messages: [{ role: "user", content: "why" }],
    n: 1e9,
  })),
  ollama("two million characters", 400, () => says(long)),
  ollama("sixteen images that are none", 400, () => ({
    messages: [{ role: "user", content: "why", images: Array(16).fill(IMAGE) }],
  })),
  ollama("thousands of images", 400, () => ({
    messages: [{ role: "user", content: "why", images: Array(20_000).fill("AAAA") }],
  })),
  ollama("thousands of unknown options", 200, () => ({
    ...says("why"),
    options: { num_predict: 4, ...Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`o${i}`, i])) },
  })),
  ollama("31 MiB of base64", 400, () => ({
    messages: [{ role: "user", content: "why", images: ["A".repeat(31 * MiB)] }],
  })),
  message("two million characters", 400, () => says(long)),
  message("as many blocks as there may be", 200, () => says(Array(1024).fill({ type: "text", text: "a" }))),
  message("sixteen images that are none", 400, () =>
    says(Array(16).fill({ type: "image", source: { type: "base64", media_type: "image/png", data: IMAGE } })),
  ),
  embedding("sixteen images that are none", 400, () => ({ input: Array(16).fill(URL_OF_NONE) })),
  embedding("a text of two million characters", 400, () => ({ input: long })),
  embedding("as many numbers as a body may have", 400, () => ({ input: Array(120_000).fill(1) })),
  embedding("parts in parts", 400, () => ({ input: [{ content: [{ content: [{ image: "AAAA" }] }] }] })),
];
