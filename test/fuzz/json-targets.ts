import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { planPull } from "../../adapters/hub/plan-pull.ts";
import { requireExtent } from "../../adapters/llama-cpp/grammar/schema-extent.ts";
import { understoodSchema } from "../../adapters/llama-cpp/grammar/understood-schema.ts";
import { HeldBytes } from "../../adapters/openai/body/held-bytes.ts";
import { readBody } from "../../adapters/openai/body/read-body.ts";
import { chatRequest } from "../../adapters/openai/chat/chat-request.ts";
import { ApiError } from "../../adapters/openai/http/api-error.ts";
import { parseBody } from "../../adapters/openai/http/parse.ts";
import { parseLimits } from "../../adapters/openai/limits.ts";
import { readHfVocabulary } from "../../adapters/prompt/index.ts";
import { readRegularFile } from "../../sdk/files/regular-file.ts";
import { readJsonObject } from "../../sdk/kit.ts";
import type { Target } from "./targets.ts";

const limits = parseLimits(undefined);

/** A file as the body of a request. @param inChunks how its bytes come */
async function readRequest(path: string, type: string, inChunks: (bytes: Uint8Array) => Iterable<Uint8Array>) {
  const body = ReadableStream.from(inChunks(new Uint8Array(await readRegularFile(path))));
  const init = { method: "POST", headers: { "content-type": type }, body, duplex: "half" } as const;
  const bytes = new HeldBytes(limits.heldBytes).open();
  const signal = new AbortController().signal;
  return readBody(new Request("http://localhost/", init), { limits, bytes, signal, forms: true });
}

/** @returns what was read, or null where it was refused */
async function refusedOrRead<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) return null;
    throw error;
  }
}

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** A form is the same in whatever pieces it comes. */
export const formTarget: Target = {
  seeds: /fuzz\/seeds\/edit\.form$/,
  async read(path) {
    const type = "multipart/form-data; boundary=edge";
    const [whole, parts] = await Promise.all(
      [1_000_000, 5].map((size) =>
        refusedOrRead(async () => {
          const { json, images } = await readRequest(path, type, (bytes) => pieces(bytes, size));
          const sizes = [...images.values()].map(async (image) => (await image.bytes())?.length);
          // Each reading has keys of its own.
          const keys = new RegExp([...images.keys(), "^$"].join("|"), "g");
          // A file is there a little later than the fields behind it.
          const fields = Object.entries(json as object).sort(([a], [b]) => (a < b ? -1 : 1));
          return `${JSON.stringify(fields).replaceAll(keys, "")} ${await Promise.all(sizes)}`;
        }),
      ),
    );
    if (whole !== parts) throw new Error(`${whole} at once, and ${parts} in pieces`);
  },
};

/** JSON of strangers, changed as JSON: fields of other types, missing, moved, named otherwise. */
export const jsonTargets: Readonly<Record<string, Target>> = {
  "tokenizer.json": {
    seeds: /tokenizer\.json$/,
    json: true,
    async read(path) {
      const folder = join(dirname(path), "tokenizer");
      await mkdir(folder, { recursive: true });
      await copyFile(path, join(folder, "tokenizer.json"));
      (await readHfVocabulary(folder))?.encode("Two cats, 12 dogs.", true);
    },
  },
  "JSON schema": {
    seeds: /fuzz\/seeds\/schema.*\.json$/,
    json: true,
    async read(path) {
      requireExtent(understoodSchema(await readJsonObject(path, "INVALID_CONFIG")));
    },
  },
  "OpenAI body": {
    seeds: /fuzz\/seeds\/chat.*\.json$/,
    json: true,
    async read(path) {
      await refusedOrRead(async () => {
        const sent = await readRequest(path, "application/json", (bytes) => [bytes]);
        await parseBody(chatRequest(limits), sent.json);
      });
    },
  },
  "hub listing": {
    seeds: /fuzz\/seeds\/hub.*\.json$/,
    json: true,
    async read(path) {
      const { info, files } = await readJsonObject(path, "INVALID_CONFIG");
      const answer = (value: unknown) =>
        new Response(JSON.stringify(value) ?? "", { headers: { "content-type": "application/json" } });
      await planPull(
        { repo: "org/model", quant: null, revision: "main" },
        { hubUrl: "http://hub", fetch: async (url) => answer(String(url).includes("/tree/") ? files : info) },
        undefined,
      );
    },
  },
};
