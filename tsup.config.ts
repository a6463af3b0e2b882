import { defineConfig } from "tsup";
import publicEntries from "./entry-points.json" with { type: "json" };
import { buildChatPage } from "./scripts/build-chat-page.ts";

/**
 * esbuild has each entry import every chunk that its sources could reach, for their side effects, though package.json says that
 * there are none: `vqrae encode --help` would load all model families. The lines stay, so that source maps stay true.
 */
const withoutBareImports = {
  name: "without-bare-imports",
  renderChunk: (code: string) => ({ code: code.replaceAll(/^import "\.\/chunk-\w+\.js";$/gm, "") }),
};

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
    // Chunks of their own: they would lie with much else that a command's help would have to load.
    "parse-json": "sdk/files/parse-json.ts",
    "encoder-contract": "sdk/contract/encoder.ts",
    "set-fields": "sdk/set-fields.ts",
  },
  format: ["esm"],
  dts: { entry: publicEntries },
  sourcemap: true,
  clean: true,
  // zod by itself loads some hundred files, most of them languages of messages: a tenth of a second in every process and worker.
  noExternal: [/^zod/],
  plugins: [withoutBareImports],
  target: "node22",
  onSuccess: buildChatPage,
});
