import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const markdownIn = async (folder: string): Promise<string[]> =>
  (await readdir(join(root, folder), { recursive: true }))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const guides = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
const pages = ["README.md", "llms.txt", ...(await markdownIn("docs")), ...(await markdownIn("models"))];

/** Targets of links and pictures in Markdown, without those of code blocks. */
function targets(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((link) => link[1]!);
}

describe("documentation", () => {
  it.each(pages)("%s names only files that are there", async (page) => {
    const text = await readFile(join(root, page), "utf8");
    const local = targets(text).filter((target) => !/^(https?:|mailto:|#)/.test(target));
    const missing: string[] = [];
    for (const target of local) {
      const file = join(root, dirname(page), target.replace(/#.*$/, ""));
      await access(file).catch(() => missing.push(target));
    }
    expect(missing).toEqual([]);
  });

  it.each(["README.md", "llms.txt"])("%s leads to every guide", async (page) => {
    const linked = targets(await readFile(join(root, page), "utf8")).map((target) => target.replace(/#.*$/, ""));
    expect(guides.filter((guide) => !linked.includes(guide))).toEqual([]);
  });
});
