import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "examples/chat");
const SAMPLES = ["cat.jpg", "coffee.jpg"];

/**
 * Puts the chat page together in dist/chat-page: modules and the libraries that they import in one file, so that a browser fetches
 * nothing else. Each file appears whole, by a rename: several tests build it at a time, and a server may be reading it.
 */
export async function buildChatPage(): Promise<void> {
  const out = join(root, "dist/chat-page");
  await mkdir(join(out, "samples"), { recursive: true });
  // Where `npm pack`, which another test may be running, never looks.
  const made = await mkdtemp(join(root, "node_modules/.chat-page-"));
  try {
    await build({
      entryPoints: [join(page, "chat.js"), join(page, "chat.css")],
      outdir: made,
      bundle: true,
      minify: true,
      format: "esm",
      // As old as light-dark() of the style sheet.
      target: ["chrome123", "firefox120", "safari17.5"],
      legalComments: "eof",
      logLevel: "warning",
    });
    for (const name of ["index.html", "icon.svg"]) await copyFile(join(page, name), join(made, name));
    await mkdir(join(made, "samples"));
    for (const name of SAMPLES) await copyFile(join(root, "examples/images", name), join(made, "samples", name));
    for (const entry of await readdir(made, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile()) await rename(file, join(out, file.slice(made.length)));
    }
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}
