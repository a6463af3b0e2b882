/**
 * Builds a stock llama-server for the tests, from the llama.cpp sources that node-llama-cpp ships, and prints its path:
 *
 *     VQRAE_LLAMA_SERVER=$(node scripts/llama-server/build.ts) npx vitest run $(grep -rl startLlamaServer test --include=*.test.ts)
 *
 * Takes git, cmake and a C++ compiler, and some ten minutes on two cores the first time. What was built is kept in
 * node_modules/.cache/llama-server, or in the folder that is given, under the sources' version.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const shipped = fileURLToPath(new URL("../llama", import.meta.resolve("node-llama-cpp"))); // beside its dist/index.js
const { release } = JSON.parse(readFileSync(join(shipped, "binariesGithubRelease.json"), "utf8")) as {
  release: string;
};
const cache = resolve(process.argv[2] ?? join(root, "node_modules/.cache/llama-server"), release);
const [sources, build] = [join(cache, "llama.cpp"), join(cache, "build")];
const server = join(build, "bin", process.platform === "win32" ? "llama-server.exe" : "llama-server");

/** What the command says goes to standard error: standard output is the path alone. */
const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: ["ignore", 2, 2] });

if (!existsSync(server)) {
  if (!existsSync(sources)) run("git", "clone", join(shipped, "gitRelease.bundle"), sources);
  const options = ["-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF"];
  // The browser interface and TLS would be fetched from the network.
  const offline = ["-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF"];
  run("cmake", "-S", sources, "-B", build, ...options, ...offline);
  run("cmake", "--build", build, "--target", "llama-server", "-j", String(availableParallelism()));
}
process.stdout.write(`${server}\n`);
