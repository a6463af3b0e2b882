/**
 * Builds llama.cpp's image code, libmtmd and beside it llama-mtmd-cli, from the sources that node-llama-cpp ships, against the libllama
 * and libggml that it ships built for each processor, and prints the library's path (Linux):
 *
 *     VQRAE_MTMD=$(node scripts/llama-server/build-mtmd.ts) node bench/tiles.ts
 *
 * Takes git and a C++ compiler, and one to five minutes on two cores. What was built is kept in node_modules/.cache/mtmd, or in the
 * folder that is given. @fugood/llama.node's own libmtmd for Linux is compiled without vector instructions, and a tenth as fast.
 */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));
const shipped = fileURLToPath(new URL("../llama", import.meta.resolve("node-llama-cpp"))); // beside its dist/index.js
const { release }: { release: string } = JSON.parse(readFileSync(join(shipped, "binariesGithubRelease.json"), "utf8"));
const name = `linux-${process.arch}`;
const bins = join(root, "node_modules/@node-llama-cpp", name, "bins", name);
const cache = resolve(process.argv[2] ?? join(root, "node_modules/.cache/mtmd"), release);
const [sources, objects, library] = [join(cache, "llama.cpp"), join(cache, "o"), join(cache, "libmtmd.so")];
const cli = join(cache, "llama-mtmd-cli");

if (!existsSync(cli)) {
  mkdirSync(objects, { recursive: true });
  if (!existsSync(sources)) {
    execFileSync("git", ["clone", "-q", join(shipped, "gitRelease.bundle"), sources], { stdio: ["ignore", 2, 2] });
  }
  const [mtmd, hash] = [join(sources, "tools/mtmd"), join(sources, "vendor/hash")];
  const filesOf = (folder: string, keep: (name: string) => boolean) =>
    readdirSync(folder)
      .filter(keep)
      .map((name) => join(folder, name));
  const program = join(mtmd, "mtmd-cli.cpp");
  const isProgram = (name: string) => [basename(program), "deprecation-warning.cpp"].includes(name);
  const left = [
    program,
    join(hash, "hash.cpp"),
    ...["xxhash", "sha1", "sha256"].flatMap((part) => filesOf(join(hash, part), (name) => name.endsWith(".c"))),
    ...filesOf(mtmd, (name) => name.endsWith(".cpp") && !isProgram(name)),
    ...filesOf(join(mtmd, "models"), (name) => name.endsWith(".cpp")),
  ];
  const folders = ["tools/mtmd", "include", "ggml/include", "vendor", "vendor/hash", "common", "src"];
  const includes = folders.map((folder) => `-I${join(sources, folder)}`);
  const flags = ["-O2", "-fPIC", "-w", "-DLLAMA_SHARED", "-DGGML_SHARED", "-DGGML_BACKEND_SHARED", ...includes];
  const objectOf = (file: string) => join(objects, `${basename(file)}.o`);
  const parts = left.filter((file) => file !== program).map(objectOf);
  const compile = async () => {
    for (let file = left.pop(); file !== undefined; file = left.pop()) {
      if (existsSync(objectOf(file))) continue;
      const isC = file.endsWith(".c") && basename(file) !== "sha1.c"; // which is in a namespace
      const compiler = isC ? ["gcc", ...flags] : ["g++", "-std=c++17", ...flags, "-x", "c++"];
      await promisify(execFile)(compiler[0]!, [...compiler.slice(1), "-c", "-o", objectOf(file), file]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compile));
  const link = (name: RegExp, ...args: string[]) => {
    const libraries = readdirSync(bins).filter((file) => name.test(file));
    const options = [...libraries.map((file) => join(bins, file)), `-Wl,-rpath,${bins}:${cache}`, "-pthread"];
    execFileSync("g++", [...args, ...options], { stdio: ["ignore", 2, 2] });
  };
  link(/^lib(llama|ggml|ggml-base)(\.v[\d.]+)?\.so$/, "-shared", "-o", library, ...parts);
  for (const backend of readdirSync(bins).filter((file) => file.startsWith("libggml-cpu-"))) {
    rmSync(join(cache, backend), { force: true });
    symlinkSync(join(bins, backend), join(cache, backend)); // llama-mtmd-cli looks for them where it is
  }
  link(/^lib(llama|llama-common|ggml|ggml-base)(\.v[\d.]+)?\.so$/, "-o", cli, objectOf(program), library);
}
process.stdout.write(`${library}\n`);
