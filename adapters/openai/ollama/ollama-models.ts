import { createHash } from "node:crypto";
import { Hono } from "hono";
import type { VisionLanguageModel } from "../../vision-language-model.ts";

/** Clients ask it to know what a server can do: one that takes images in chats and formats by a schema. */
const OLLAMA_VERSION = "0.9.0";
const DETAILS = {
  parent_model: "",
  format: "gguf",
  family: "vqrae",
  families: ["vqrae"],
  parameter_size: "",
  quantization_level: "",
};

/** What Ollama's clients read before they ask: GET /api/tags, /api/ps and /api/version. */
export function ollamaModels(models: ReadonlyMap<string, VisionLanguageModel>): Hono {
  const since = new Date().toISOString();
  const all = [...models.keys()].map((name) => ({
    name,
    model: name,
    modified_at: since,
    size: 0,
    digest: createHash("sha256").update(name).digest("hex"),
    details: DETAILS,
  }));
  const app = new Hono();
  app.get("/tags", (c) => c.json({ models: all }));
  app.get("/ps", (c) => c.json({ models: all.map((one) => ({ ...one, expires_at: "", size_vram: 0 })) }));
  app.get("/version", (c) => c.json({ version: OLLAMA_VERSION }));
  return app;
}

/** What POST /api/show says of each model. */
export const ollamaDetails = ({ callsTools = false }: VisionLanguageModel) => ({
  modelfile: "",
  parameters: "",
  template: "",
  details: DETAILS,
  model_info: { "general.architecture": "vqrae" },
  capabilities: ["completion", "vision", ...(callsTools ? ["tools"] : [])],
});
