import { describe, expect, it } from "vitest";
import { defaultCacheFolder } from "../../../sdk/runtime/made-weights/cache-folder.ts";

// On the machine of the test, paths are joined by its own separator.
const slashes = (path: string) => path.replaceAll("\\", "/");

describe("defaultCacheFolder", () => {
  it.each([
    ["linux", {}, "/home/ada/.cache/vqrae"],
    ["linux", { XDG_CACHE_HOME: "/fast/cache" }, "/fast/cache/vqrae"],
    ["linux", { XDG_CACHE_HOME: "relative" }, "/home/ada/.cache/vqrae"],
    ["freebsd", { XDG_CACHE_HOME: "" }, "/home/ada/.cache/vqrae"],
    ["darwin", {}, "/home/ada/Library/Caches/vqrae"],
    ["win32", { LOCALAPPDATA: "/local" }, "/local/vqrae/Cache"],
    ["win32", {}, "/home/ada/AppData/Local/vqrae/Cache"],
  ] as const)("on %s with %j", (platform, env, folder) => {
    expect(slashes(defaultCacheFolder({ platform, env, home: "/home/ada" }))).toBe(folder);
  });

  it("has this machine's own", () => {
    expect(defaultCacheFolder()).toContain("vqrae");
  });
});
