import { readFileSync } from "node:fs";
import { renderTemplate } from "./render-template.ts";

/**
 * A process of its own that renders chat templates, which are programs of whoever made the model: one that runs without end,
 * or fills the memory, ends this process and not the caller's. It answers messages, or with "once" what comes on standard input.
 */
if (process.argv[2] === "once") {
  process.stdout.write(JSON.stringify(renderTemplate(JSON.parse(readFileSync(0, "utf8")))));
} else {
  process.on("message", (job: Parameters<typeof renderTemplate>[0]) => process.send?.(renderTemplate(job)));
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}
