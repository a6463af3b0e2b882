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
      const headers = { "content-type": "application/json" };
      const body = new Uint8Array(await readRegularFile(path));
      const request = new Request("http://localhost/", { method: "POST", headers, body });
      const signal = new AbortController().signal;
      try {
        const bytes = new HeldBytes(limits.heldBytes).open();
        const sent = await readBody(request, { limits, bytes, signal, forms: false });
        await parseBody(chatRequest(limits), sent.json);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status >= 500) throw error;
      }
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
