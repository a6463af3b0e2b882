import type { ImageInput } from "../../sdk/index.ts";

/** How an argument that names an image ends in help. */
export const OR_STDIN = ", - for standard input";

/** The image that an argument names: a file, or `-` for one on standard input. */
export const imageArgument = (path: string): ImageInput => (path === "-" ? process.stdin : path);
