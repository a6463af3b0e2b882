#!/usr/bin/env node
import { run } from "./run.ts";

// A reader that has seen enough, such as `head`, closes the pipe: that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const rawArgs = process.argv.slice(2);
try {
  await run(rawArgs);
} catch (error) {
  const { reportError } = await import("./command/report-error.ts");
  // The exit code is set and the process left to end by itself, so that everything written reaches its reader.
  process.exitCode = reportError(error, rawArgs);
}
