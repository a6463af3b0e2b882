import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "examples/chat");
const SAMPLES = ["blue-circle.png", "red-triangle.png", "cat.jpg", "coffee.jpg"];

/** Puts the chat page together in dist/chat-page: modules and the libraries that they import in one file, so that a browser fetches nothing else. */
export async function buildChatPage(): Promise<void> {
  const out = join(root, "dist/chat-page");
  await build({
    entryPoints: [join(page, "chat.js"), join(page, "chat.css")],
    outdir: out,
    bundle: true,
    minify: true,
    format: "esm",
    // As old as light-dark() of the style sheet.
    target: ["chrome123", "firefox120", "safari17.5"],
    legalComments: "eof",
    logLevel: "warning",
  });
  for (const name of ["index.html", "icon.svg"]) await cp(join(page, name), join(out, name));
  await mkdir(join(out, "samples"), { recursive: true });
  for (const name of SAMPLES) await cp(join(root, "examples/images", name), join(out, "samples", name));
}
