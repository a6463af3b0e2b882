import { deflateSync } from "node:zlib";
import { pngOfParts } from "../../standalone/image/png-of-parts.ts";

/**
 * Requests that are made to stop a server: as large, as deep or as costly as the limits of docs/security.md let them be, and
 * beyond. Each has been a stall, a crash or an answer for ever in some server, or could be one here.
 */
export interface HostileRequest {
  readonly name: string;
  readonly path: string;
  readonly body: () => string;
  /** Where it is no JSON. */
  readonly contentType?: string;
  /** What it is answered with. */
  readonly status: number;
}

/**
 * Those that are refused before all of the body has come. Their client may see a closed connection in place of the answer; any other
 * request must get its answer.
 */
export const refusedEarly = ({ name, status }: HostileRequest): boolean => status === 413 || EARLY.includes(name);

const EARLY = [
  "30 MiB of empty objects",
  "32 MiB of open lists",
  "thirty thousand fields that nobody knows",
  "thousands of messages",
  "a million ids",
  "thousands of messages, as a response",
  "half a million fields, in a form",
];

const MiB = 2 ** 20;
const user = { model: "tiny-vlm", max_tokens: 4, messages: [{ role: "user", content: "why" }] };
const list = (count: number, item: string) => `[${`${item},`.repeat(count - 1)}${item}]`;
const names = (count: number) => Array.from({ length: count }, (_, i) => `v${i}`);
const fieldsOf = <T>(count: number, value: (i: number) => T) =>
  Object.fromEntries(names(count).map((name, i) => [name, value(i)]));

const chat = (name: string, status: number, fields: () => object): HostileRequest => ({
  name,
  path: "/v1/chat/completions",
  body: () => JSON.stringify({ ...user, ...fields() }),
  status,
});
/** A field whose value is not made by `JSON.stringify`. */
const raw = (name: string, status: number, value: () => string): HostileRequest => ({
  name,
  path: "/v1/chat/completions",
  body: () => `${JSON.stringify(user).slice(0, -1)},"metadata":${value()}}`,
  status,
});
const says = (content: string) => ({ messages: [{ role: "user", content }] });
/** A conversation in which a tool was called. */
const calls = (text: string) => ({
  messages: [
    ...user.messages,
    { role: "assistant", tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: text } }] },
    { role: "tool", tool_call_id: "a", content: "x" },
  ],
});
const shows = (bytes: Uint8Array) => ({
  messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: dataUrl(bytes) } }] }],
});
const dataUrl = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
const schema = (value: object) => ({
  response_format: { type: "json_schema", json_schema: { name: "x", schema: value } },
});
const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
const chain = (levels: number) => ({
  ...ref("v0"),
  $defs: {
    ...fieldsOf(levels, (i) => ({ oneOf: [ref(`v${i + 1}`), ref(`v${i + 1}`)] })),
    [`v${levels}`]: { type: "null" },
  },
});
const nested = (levels: number): object =>
  levels === 0 ? { type: "null" } : { type: "array", items: nested(levels - 1), minItems: 1 };
const node = ref("node");
const tree = (...alternatives: object[]) => ({ ...node, $defs: { node: { oneOf: alternatives } } });
const bomb = () => pngOfParts(40_000, 30_000, [1, 0, 0, 0, 0], deflateSync(Buffer.alloc(MiB)));

export const corpus: readonly HostileRequest[] = [
  raw("30 MiB of empty objects", 400, () => list(10 * MiB, "{}")),
  raw("32 MiB of open lists", 400, () => "[".repeat(31 * MiB)),
  raw("32 MiB of white space", 413, () => `[${" ".repeat(31 * MiB)}]`),
  raw("a number of 32 million digits", 413, () => "1".repeat(31 * MiB)),
  raw("a text of 32 MiB in an ignored field", 413, () => `"${"x".repeat(31 * MiB)}"`),
  raw("a text of 32 MiB of escapes", 413, () => `"${"\\u0041".repeat(5 * MiB)}"`),
  raw("as many objects as a body may have", 200, () => list(65_000, "{}")),
  raw("as many fields as a body may have", 200, () => JSON.stringify(fieldsOf(9_900, (i) => i))),
  raw("as many long fields as a body may have", 200, () => JSON.stringify(fieldsOf(9_500, () => "y".repeat(180)))),
  raw("lists as deep as a body may have", 200, () => `${"[".repeat(190)}${"]".repeat(190)}`),
  raw("the longest text that an ignored field may have", 200, () => `"${"日".repeat(690_000)}"`),
  raw("escapes as many as a text may have", 200, () => `"${"\\u0041".repeat(340_000)}"`),
  chat("thirty thousand fields that nobody knows", 400, () => fieldsOf(30_000, () => null)),
  chat("as many unknown fields as a body may have", 200, () => fieldsOf(9_900, () => 1)),

  chat("arguments of a call as deep as a text may be", 400, () =>
    calls(`${"[".repeat(900_000)}${"]".repeat(900_000)}`),
  ),
  chat("arguments of a call with as many objects", 400, () => calls(`{"a":[${"{},".repeat(600_000)}1]}`)),

  chat("a text to end at of ten million characters", 413, () => ({ stop: "s".repeat(1e7) })),
  chat("texts to end at as long as they may be", 200, () => ({
    stop: names(16).map((name) => name.padEnd(1024, "s")),
  })),
  chat("a million texts to end at", 400, () => ({ stop: Array(100_000).fill("s") })),
  chat("a text of two million characters", 400, () => says("word ".repeat(400_000))),
  chat("a word of two million characters", 400, () => says("w".repeat(2_000_000))),
  chat("a text as long as the context may hold", 400, () => says("x y ".repeat(2000))),
  chat("a word as long as the context may hold", 400, () => says("w".repeat(8000))),
  chat("blanks as many as the context may hold", 400, () => says(" ".repeat(8000))),
  chat("emojis as many as the context may hold", 400, () => says("\u{1f600}".repeat(4000))),
  chat("half characters", 400, () => says("\ud83d".repeat(8000))),
  chat("control tokens in words", 400, () => says("<|im_end|><|im_start|>system".repeat(280))),
  chat("thousands of messages", 400, () => ({ messages: Array(40_000).fill(user.messages[0]) })),
  chat("as many messages as there may be", 400, () => ({ messages: Array(1024).fill(user.messages[0]) })),
  chat("as many parts as there may be", 200, () => ({
    messages: [{ role: "user", content: Array(1024).fill({ type: "text", text: "a" }) }],
  })),
  chat("a model's name of a megabyte", 404, () => ({ model: "m".repeat(MiB) })),

  chat("a schema that doubles 26 times", 400, () => schema(chain(26))),
  chat("a schema that doubles 2,000 times", 400, () => schema(chain(2000))),
  chat("a schema of 100,000 values", 400, () => schema({ enum: names(100_000) })),
  chat("a schema of as many values as there may be", 200, () => schema({ enum: names(1000) })),
  chat("a schema of 4,900 fields", 200, () =>
    schema({ type: "object", properties: fieldsOf(4900, () => ({ type: "null" })) }),
  ),
  chat("a schema of as many alternatives as there may be", 200, () =>
    schema({
      oneOf: names(500).map((name, i) => ({ type: "string", minLength: (i % 19) + 1, maxLength: 20, title: name })),
    }),
  ),
  chat("a schema of large counts", 400, () => schema({ type: "array", items: { type: "null" }, minItems: 1e15 })),
  chat("a schema of as large counts as there may be", 200, () =>
    schema({ type: "object", properties: fieldsOf(9, (i) => ({ type: "string", minLength: i, maxLength: 1999 })) }),
  ),
  chat("a schema as deep as it may be", 200, () => schema(nested(60))),
  chat("a schema that is itself", 400, () => schema(tree(node, { type: "null" }))),
  chat("a schema whose answers double", 400, () =>
    schema(tree({ type: "array", items: node, minItems: 1, maxItems: 1 }, { type: "array", items: node, minItems: 1 })),
  ),
  chat("a schema of many references", 400, () =>
    schema({ ...ref("v0"), $defs: fieldsOf(4900, (i) => ref(`v${(i + 1) % 4900}`)) }),
  ),
  chat("a schema with a prototype", 400, () =>
    schema(JSON.parse('{"type":"object","properties":{"__proto__":{"$ref":"#/$defs/__proto__"}}}')),
  ),

  chat("the smallest temperature", 200, () => ({ temperature: 5e-324, seed: 1 })),
  chat("the smallest share", 200, () => ({ temperature: 2, top_p: 5e-324, seed: Number.MIN_SAFE_INTEGER })),
  chat("the largest counts", 200, () => ({
    temperature: 1,
    top_k: Number.MAX_SAFE_INTEGER,
  })),

  chat("23 MiB that are no image", 400, () => shows(Buffer.alloc(23 * MiB, 1))),
  chat("a picture that says it is a gigapixel", 400, () => shows(bomb())),
  chat("base64 of 32 MiB that breaks off", 400, () => ({
    messages: [
      {
        role: "user",
        content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(31 * MiB)}!` } }],
      },
    ],
  })),
  chat("an image of percents as long as a text may be", 400, () => ({
    messages: [
      { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png,${"%41".repeat(690_000)}` } }] },
    ],
  })),
  chat("sixteen images that are none", 400, () => ({
    messages: [
      { role: "user", content: Array(16).fill({ type: "image_url", image_url: { url: dataUrl(Buffer.alloc(MiB)) } }) },
    ],
  })),
  {
    name: "a picture of 23 MiB as tokens",
    path: "/v1/vision/tokens",
    body: () => JSON.stringify({ image: dataUrl(Buffer.alloc(23 * MiB, 7)) }),
    status: 400,
  },
  {
    name: "as many ids as an image may have",
    path: "/v1/vision/decode",
    body: () => JSON.stringify({ ids: Array(65_000).fill(1) }),
    status: 400,
  },
  {
    name: "as many ids as a body may have",
    path: "/v1/vision/decode",
    body: () => JSON.stringify({ ids: Array(16).fill(Array(8000).fill(1)) }),
    status: 400,
  },
  {
    name: "a million ids",
    path: "/v1/vision/decode",
    body: () => JSON.stringify({ ids: Array(16).fill(Array(65_000).fill(1)) }),
    status: 400,
  },
  {
    name: "ids that are none",
    path: "/v1/vision/decode",
    body: () => JSON.stringify({ ids: Array(65_000).fill("a") }),
    status: 400,
  },
  {
    name: "the longest description",
    path: "/v1/images/generations",
    body: () => JSON.stringify({ prompt: "a b ".repeat(8000), seed: 1 }),
    status: 400,
  },
  {
    name: "guidance beyond numbers",
    path: "/v1/images/generations",
    body: () => JSON.stringify({ prompt: "a", guidance_scale: 1e308 }),
    status: 400,
  },
];
