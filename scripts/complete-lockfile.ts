/**
 * Adds to package-lock.json the platform packages that its maker's registry did not offer:
 *
 *   node scripts/complete-lockfile.ts
 *
 * A mirror that holds one platform's binaries leaves the others out of the lock file, and `npm ci` then refuses it
 * everywhere. The entries have no integrity hash; npm fetches them only on their own platform.
 */
import { readFile, writeFile } from "node:fs/promises";

interface LockEntry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const shortNames: Record<string, string> = { mac: "darwin", win: "win32" };
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];

const path = new URL("../package-lock.json", import.meta.url);
const lock: { packages: Record<string, LockEntry> } = JSON.parse(await readFile(path, "utf8"));
const added: string[] = [];
for (const [owner, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (lock.packages[place] || lock.packages[`${owner}/${place}`]) continue;
    const words = name.split(/[-/]/).map((word) => shortNames[word] ?? word);
    const [os, cpu] = [words.find((w) => systems.includes(w)), words.find((w) => processors.includes(w))];
    if (!os || !cpu || !/^\d+\.\d+\.\d+$/.test(version))
      throw new Error(`Cannot tell the platform of ${name} ${version}`);
    const libc = words.some((w) => w.startsWith("musl")) ? "musl" : "glibc";
    lock.packages[place] = {
      version,
      cpu: [cpu],
      ...(entry.dev && { dev: true }),
      ...(os === "linux" && words.some((w) => /^(musl|gnu)/.test(w)) && { libc: [libc] }),
      optional: true,
      os: [os],
    };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
await writeFile(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? "Nothing was missing." : `Added ${added.length}: ${added.join(", ")}`);
