import { fileURLToPath } from "node:url";

/** In the package all modules lie in dist/, one folder below its root; in the source tree this one is two below. */
const bundled = !import.meta.url.endsWith(".ts");

/** The path of a file or folder that the package carries, such as "models/vqrae-tiny". */
export const packageFile = (path: string): string =>
  fileURLToPath(new URL(`${bundled ? "../" : "../../"}${path}`, import.meta.url));

/** What threads and processes of our own start with, below sdk/. In the bundle each is a file of its own name. */
const starts = {
  worker: "runtime/sessions/worker",
  "image-worker": "runtime/images/image-worker",
  "int8-worker": "runtime/int8/int8-worker",
  "network-worker": "runtime/networks/network-worker",
  "probe-process": "runtime/devices/probe-process",
} as const;

/** The file that a thread or process starts with. In the source tree Node strips its types. */
export const workerFile = (name: keyof typeof starts): URL =>
  new URL(bundled ? `./${name}.js` : `../${starts[name]}.ts`, import.meta.url);
