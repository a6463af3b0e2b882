import { defineConfig } from "tsup";
import publicEntries from "./entry-points.json" with { type: "json" };
import { buildChatPage } from "./scripts/build-chat-page.ts";

export default defineConfig({
  entry: {
    ...publicEntries,
    worker: "sdk/runtime/sessions/worker.ts",
    "image-worker": "sdk/runtime/images/image-worker.ts",
    "pool-host": "sdk/runtime/pool/pool-host.ts",
    "probe-process": "sdk/runtime/devices/probe-process.ts",
    "weights-worker": "sdk/runtime/made-weights/weights-worker.ts",
    "network-worker": "sdk/runtime/networks/network-worker.ts",
    "template-process": "adapters/prompt/template/template-process.ts",
    "grammar-worker": "adapters/llama-cpp/grammar/grammar-worker.ts",
    cli: "cli/main.ts",
  },
  format: ["esm"],
  dts: { entry: publicEntries },
  sourcemap: true,
  clean: true,
  // zod by itself loads some hundred files, most of them languages of messages: a tenth of a second in every process and worker.
  noExternal: [/^zod/],
  target: "node22",
  onSuccess: buildChatPage,
});
