import { readFile } from "node:fs/promises";
import { onDisk } from "../../../sdk/kit.ts";

/** The text of a file; null if there is none. @throws IO_ERROR if the system refuses */
export const readIfThere = (path: string): Promise<string | null> =>
  onDisk(path, () =>
    readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    }),
  );
