import { join } from "node:path";
import { isFile, openFile, readExactly } from "../files/read-file.ts";

/** A model card's front matter is a few hundred bytes. */
const MAX_FRONT_MATTER = 64 * 1024;

/**
 * The licence that a checkpoint's model card states: `license`, or `license_name` where that is "other", of the front matter
 * of README.md (https://huggingface.co/docs/hub/model-cards). null where there is no card or it states none.
 */
export async function readLicence(folder: string): Promise<string | null> {
  const path = join(folder, "README.md");
  if (!(await isFile(path))) return null;
  const file = await openFile(path);
  try {
    const bytes = await readExactly(file, 0, Math.min(file.size, MAX_FRONT_MATTER));
    const [, front = ""] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(new TextDecoder().decode(bytes)) ?? [];
    const field = (name: string) =>
      new RegExp(`^${name}:[ \\t]*["']?([^"'#\\r\\n]+)`, "m").exec(front)?.[1]?.trim() || null;
    const licence = field("license");
    return licence === "other" ? (field("license_name") ?? licence) : licence;
  } finally {
    await file.handle.close();
  }
}
