import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "sdk/index.ts",
    metrics: "sdk/metrics/index.ts",
    worker: "sdk/runtime/worker.ts",
    "probe-process": "sdk/runtime/probe-process.ts",
    "int8-worker": "sdk/runtime/int8-worker.ts",
    cli: "cli/main.ts",
  },
  format: ["esm"],
  dts: { entry: { index: "sdk/index.ts", metrics: "sdk/metrics/index.ts" } },
  sourcemap: true,
  clean: true,
  target: "node22",
});
