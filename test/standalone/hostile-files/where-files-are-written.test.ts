import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdtemp, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeWhole } from "../../../sdk/kit.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-written-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const refusal = { code: "IO_ERROR", message: expect.stringMatching(/received .*: a device, pipe or socket\. Give/) };

describe.skipIf(process.platform === "win32")("a file that is written whole", () => {
  it("does not take the place of a pipe", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(writeWhole(pipe, "text")).rejects.toMatchObject({ ...refusal, path: pipe });
    expect((await lstat(pipe)).isFIFO()).toBe(true);
  });

  it("does not take the place of a socket behind a link", async () => {
    const [socket, link] = [join(folder, "socket"), join(folder, "link")];
    const server = createServer().listen(socket);
    try {
      await once(server, "listening");
      await symlink(socket, link);
      await expect(writeWhole(link, "text")).rejects.toMatchObject(refusal);
      expect(await readlink(link)).toBe(socket);
      expect((await lstat(socket)).isSocket()).toBe(true);
    } finally {
      server.close();
    }
  });

  it("goes through links to the file at their end", async () => {
    await writeFile(join(folder, "file"), "old");
    await symlink("file", join(folder, "first"));
    await symlink(join(folder, "first"), join(folder, "second"));
    await writeWhole(join(folder, "second"), "new");
    expect(await readFile(join(folder, "file"), "utf8")).toBe("new");
    expect(await readlink(join(folder, "second"))).toBe(join(folder, "first"));
  });

  it("replaces a link that leads nowhere", async () => {
    const link = join(folder, "link");
    await symlink("nothing", link);
    await writeWhole(link, "text");
    expect((await lstat(link)).isFile()).toBe(true);
  });
});
