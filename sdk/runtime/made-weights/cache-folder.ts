import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** Where files that can be made again are kept, by the custom of the platform (on Linux the XDG base directories). */
export function defaultCacheFolder(
  { platform, env, home }: Surroundings = { platform: process.platform, env: process.env, home: homedir() },
): string {
  if (platform === "win32") return join(env.LOCALAPPDATA || join(home, "AppData", "Local"), "vqrae", "Cache");
  if (platform === "darwin") return join(home, "Library", "Caches", "vqrae");
  const { XDG_CACHE_HOME: folder = "" } = env;
  return join(isAbsolute(folder) ? folder : join(home, ".cache"), "vqrae"); // a relative one is to be ignored
}
