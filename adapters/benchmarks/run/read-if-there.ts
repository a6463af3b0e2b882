import { onDisk, readRegularFile } from "../../../sdk/kit.ts";

/** The text of a file; null if there is none. @throws IO_ERROR if the system refuses */
export const readIfThere = (path: string): Promise<string | null> =>
  onDisk(path, async () => {
    const bytes = await readRegularFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
    return bytes === null ? null : bytes.toString("utf8");
  });
