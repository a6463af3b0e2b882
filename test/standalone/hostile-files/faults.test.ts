import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ggufValue, readGguf, readGgufTensor, rewriteGguf, writeGguf } from "../../../adapters/gguf/index.ts";
import { atEachCall, faults, withFault } from "../../helpers/faulty-fs.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

vi.mock("node:fs/promises", async (original) => {
  const { faultyFs } = await import("../../helpers/faulty-fs.ts");
  return faultyFs(await original());
});
const { VqraeError } = await import("../../../sdk/index.ts");
const { openSafetensors, readJsonObject, readTensor, writeSafetensors, writeWhole } = await import(
  "../../../sdk/kit.ts"
);
const { openChecked } = await import("../../../sdk/weights/safetensors/checksums.ts");
const { streamSafetensors } = await import("../../../sdk/weights/safetensors/write-safetensors.ts");

afterEach(() => {
  withFault(null);
  faults.short = false;
});

const tensors = ["a", "b", "c"].map((name) => ({
  name,
  dtype: "F32" as const,
  shape: [4],
  data: Float32Array.of(1, 2, 3, 4),
}));
const ggufTensors = tensors.map(({ name, shape, data }) => ({ name, type: "F32" as const, shape, data }));

/** Each writes a file of its own name in a folder. */
const writers: Readonly<Record<string, { file: string; write: (path: string) => Promise<unknown> }>> = {
  "a text, a picture or a table": { file: "out.json", write: (path) => writeWhole(path, ["one", "two", "three"]) },
  safetensors: { file: "out.safetensors", write: (path) => writeSafetensors(path, tensors) },
  "a cache with checksums": {
    file: "cache.safetensors",
    write: (path) =>
      streamSafetensors(
        path,
        tensors,
        {},
        async (write) => {
          for (const { name, data } of tensors) await write(name, data);
        },
        { checksums: true },
      ),
  },
  GGUF: { file: "out.gguf", write: (path) => writeGguf(path, [["a", ggufValue.uint32(1)]], ggufTensors) },
  "GGUF in place": {
    file: "same.gguf",
    write: (path) => rewriteGguf(path, path, { metadata: [["b", ggufValue.uint32(2)]] }, { inPlace: true }),
  },
};

async function prepared(file: string): Promise<{ folder: string; path: string; before: Buffer }> {
  const folder = await temporaryFolder();
  const path = join(folder, file);
  if (file === "same.gguf") await writeGguf(path, [["a", ggufValue.uint32(1)]], ggufTensors);
  else await writeFile(path, "the old file");
  return { folder, path, before: await readFile(path) };
}

describe.each(Object.entries(writers))("a writer of %s", (_, { file, write }) => {
  it.each(["ENOSPC", "EIO"] as const)(
    "names the file at %s of any call, and leaves the old one and no other",
    async (code) => {
      const { folder, path, before } = await prepared(file);
      const tried = await atEachCall(
        code,
        () => folder,
        () => write(path),
        async (outcome) => {
          if (outcome === null) return; // what tidies up may fail
          expect(VqraeError.isInstance(outcome) && outcome.code, String(outcome)).toMatch(
            /^(IO_ERROR|CHECKPOINT_NOT_FOUND)$/,
          );
          expect(String(outcome)).toContain(folder);
          expect(await readFile(path)).toEqual(before);
          expect(await readdir(folder)).toEqual([file]);
        },
      );
      expect(tried).toBeGreaterThan(3);
    },
  );

  it("that is killed at any call leaves the old file or the whole new one", async () => {
    const whole = await prepared(file);
    await write(whole.path);
    const after = await readFile(whole.path);
    const { folder, path, before } = await prepared(file);
    await atEachCall(
      "kill",
      () => folder,
      () => write(path),
      async () => {
        const now = await readFile(path);
        expect([before, after].some((one) => one.equals(now))).toBe(true);
      },
    );
  });

  it("writes the same where each call writes a part of what was asked", async () => {
    const whole = await prepared(file);
    await write(whole.path);
    const { path } = await prepared(file);
    faults.short = true;
    await write(path);
    faults.short = false;
    expect(await readFile(path)).toEqual(await readFile(whole.path));
  });

  it("writes a name of 250 characters", async () => {
    const name = "x".repeat(250 - file.length) + file;
    const folder = await temporaryFolder();
    if (file === "same.gguf") await writeGguf(join(folder, name), [], ggufTensors);
    await write(join(folder, name));
    expect(await readdir(folder)).toEqual([name]);
  });

  it.skipIf(process.getuid?.() === 0)("says so of a folder that is read-only", async () => {
    const { folder, path } = await prepared(file);
    await chmod(folder, 0o500);
    await expect(write(path)).rejects.toMatchObject({ code: "IO_ERROR", path });
    await chmod(folder, 0o700);
  });
});

const golden = new URL("../../../test/golden/checkpoint/clip", import.meta.url);
const readers: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
  "a header and a tensor": async (folder) => {
    const { tensors } = await openSafetensors(join(folder, "model.safetensors"));
    const [tensor] = tensors.values();
    return Array.from(await readTensor({ ...tensor!, dtype: "F32" }));
  },
  "a cache with checksums": async (folder) => [
    ...((await openChecked(join(folder, "cache.safetensors")))?.tensors.keys() ?? []),
  ],
  "a config": (folder) => readJsonObject(join(folder, "config.json"), "INVALID_CONFIG"),
  GGUF: async (folder) => {
    const gguf = await readGguf(join(folder, "out.gguf"));
    return Array.from(await readGgufTensor(gguf, "b"));
  },
};

describe.each(Object.entries(readers))("a reader of %s", (_, read) => {
  async function folderOfAll(): Promise<string> {
    const folder = join(await temporaryFolder(), "clip");
    await cp(golden, folder, { recursive: true });
    for (const { file, write } of Object.values(writers)) if (file !== "same.gguf") await write(join(folder, file));
    return folder;
  }

  it("reads the same where each read gives a part of what was asked", async () => {
    const folder = await folderOfAll();
    const whole = await read(folder);
    faults.short = true;
    expect(await read(folder)).toEqual(whole);
  });

  it("gives a typed error at EIO of any call", async () => {
    const folder = await folderOfAll();
    const tried = await atEachCall(
      "EIO",
      () => folder,
      () => read(folder),
      async (outcome) => {
        expect(VqraeError.isInstance(outcome) && outcome.code, String(outcome)).toMatch(
          /^(IO_ERROR|CHECKPOINT_NOT_FOUND)$/,
        );
      },
    );
    expect(tried).toBeGreaterThan(1);
  });
});

it.skipIf(process.platform === "win32")(
  "what a killed writer left is removed by the next one in its folder; what lives, or is not ours, stays",
  async () => {
    const folder = await temporaryFolder();
    const kit = new URL("../../../sdk/kit.ts", import.meta.url).href;
    const script = `
    const { replaceFile } = await import(${JSON.stringify(kit)});
    await replaceFile(${JSON.stringify(join(folder, "out.bin"))}, async (file) => {
      await file.write(new Uint8Array(1000), 0);
      console.log("written");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const [left] = await readdir(folder);
    expect(left).toMatch(/^\.out\.bin\.vqrae-.*\.tmp$/);
    const alive = left!.replace(String(child.pid), String(process.pid));
    const far = left!.replace(/vqrae-[0-9a-f]{8}/, "vqrae-00000000");
    for (const name of [alive, far, ".other.tmp"]) await writeFile(join(folder, name), "");
    await mkdir(join(folder, "x"));
    child.kill("SIGKILL");
    await once(child, "exit");
    await writeWhole(join(folder, "another.txt"), "x");
    expect((await readdir(folder)).sort()).toEqual([alive, far, ".other.tmp", "another.txt", "x"].sort());
  },
  30_000,
);
