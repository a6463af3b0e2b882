import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { HUB_URL } from "@huggingface/hub";

/** Where the hub is and what you show it, as the Hugging Face tools read them from the environment. */
export interface HubSettings {
  /** HF_ENDPOINT. */
  readonly endpoint: string;
  /** HF_TOKEN, or the token that `hf auth login` has kept. */
  readonly token: string | null;
  /** HF_HUB_OFFLINE: nothing is asked; what the cache holds is used. */
  readonly offline: boolean;
}

export async function hubSettings(env: NodeJS.ProcessEnv = process.env): Promise<HubSettings> {
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "huggingface");
  const kept = () => readFile(env.HF_TOKEN_PATH ?? join(home, "token"), "utf8").catch(() => "");
  return {
    endpoint: (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, ""),
    token: (env.HF_TOKEN ?? (await kept())).trim() || null,
    offline: ["1", "on", "yes", "true"].includes(env.HF_HUB_OFFLINE?.toLowerCase() ?? ""),
  };
}
