import { homedir } from "node:os";
import { join } from "node:path";
import { HUB_URL, type modelInfo } from "@huggingface/hub";
import { expectedBut, readRegularFile } from "../../sdk/kit.ts";

/** Where the hub is and what you show it, as the Hugging Face tools read them from the environment. */
export interface HubSettings {
  /** HF_ENDPOINT. */
  readonly endpoint: string;
  /** HF_TOKEN, or the token that `hf auth login` has kept. */
  readonly token: string | null;
  /** HF_HUB_OFFLINE: nothing is asked; what the cache holds is used. */
  readonly offline: boolean;
}

/** What every function of @huggingface/hub takes of them. */
export type HubAccess = Pick<Parameters<typeof modelInfo>[0], "hubUrl" | "fetch" | "accessToken">;

/** The same for one call, whose requests end with `signal`. */
export const hubAccess = ({ endpoint, token }: HubSettings, signal: AbortSignal | undefined): HubAccess => ({
  hubUrl: endpoint,
  fetch: (url, init) => globalThis.fetch(url, { ...init, ...(signal && { signal }) }),
  ...(token !== null && { accessToken: token }),
});

/** @throws INVALID_ARGUMENT for a token that is none of the hub's */
export async function hubSettings(env: NodeJS.ProcessEnv = process.env): Promise<HubSettings> {
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "huggingface");
  const kept = async () =>
    (await readRegularFile(env.HF_TOKEN_PATH ?? join(home, "token")).catch(() => "")).toString("utf8");
  const token = (env.HF_TOKEN ?? (await kept())).trim() || null;
  if (token !== null && !token.startsWith("hf_")) {
    const mend = "Copy it again from huggingface.co/settings/tokens, or unset it.";
    throw expectedBut("INVALID_ARGUMENT", 'a token that begins with "hf_"', "HF_TOKEN", "another one", mend);
  }
  return {
    endpoint: (env.HF_ENDPOINT || HUB_URL).replace(/\/+$/, ""),
    token,
    offline: ["1", "on", "yes", "true"].includes(env.HF_HUB_OFFLINE?.toLowerCase() ?? ""),
  };
}
