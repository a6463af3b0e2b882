import { defineConfig } from "tsup";
import publicEntries from "./entry-points.json" with { type: "json" };

export default defineConfig({
  entry: {
    ...publicEntries,
    worker: "sdk/runtime/worker.ts",
    "image-worker": "sdk/runtime/image-worker.ts",
    "probe-process": "sdk/runtime/probe-process.ts",
    "int8-worker": "sdk/runtime/int8-worker.ts",
    "network-worker": "sdk/runtime/network-worker.ts",
    cli: "cli/main.ts",
  },
  format: ["esm"],
  dts: { entry: publicEntries },
  sourcemap: true,
  clean: true,
  target: "node22",
});
