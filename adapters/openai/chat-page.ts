import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { packageFile } from "../../sdk/kit.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
};
const HEADERS = {
  "cache-control": "no-cache",
  "x-content-type-options": "nosniff",
  // The page takes nothing from elsewhere; pictures are shown from what was chosen and what was generated.
  "content-security-policy":
    "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** The page's files by their path on the server, read once. The build put them together of examples/chat. */
export async function chatPage(): Promise<ReadonlyMap<string, () => Response>> {
  const folder = packageFile("dist/chat-page");
  const pages = new Map<string, () => Response>();
  for (const name of await readdir(folder, { recursive: true })) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const bytes = await readFile(join(folder, name));
    const respond = () => new Response(bytes, { headers: { ...HEADERS, "content-type": type } });
    pages.set(`/${name.replaceAll("\\", "/")}`, respond);
    if (name === "index.html") pages.set("/", respond);
  }
  return pages;
}
