import type { PullOptions } from "../../adapters/hub/index.ts";
import { withProgress } from "./progress.ts";
import { say } from "./terminal.ts";

/** The line is written anew this often at most. */
const INTERVAL_MS = 200;

export function inBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Hands `use` options that show what a download brings before it begins, and how far it is. Ctrl-C ends it. */
export async function pullProgress<T>(
  args: { readonly verbose: boolean },
  use: (options: Pick<PullOptions, "onPlan" | "onProgress">) => Promise<T>,
): Promise<T> {
  return withProgress(args, (progress) => {
    const begun = performance.now();
    let [shown, first] = [0, -1];
    return use({
      onPlan({ repo, licence, files, bytes, missingBytes }) {
        const cached = missingBytes < bytes ? `, ${inBytes(bytes - missingBytes)} of it here already` : "";
        const names = files.map(({ path }) => path).join(", ");
        if (missingBytes === 0) return;
        say(`${repo}: ${names}, ${inBytes(bytes)}${cached}; licence: ${licence ?? "none stated"}`);
      },
      onProgress({ path, doneBytes, totalBytes }) {
        const now = performance.now();
        if (first < 0) first = doneBytes; // what an earlier try has brought says nothing of this one's speed
        if (now - shown < INTERVAL_MS && doneBytes < totalBytes) return;
        shown = now;
        const speed = ((doneBytes - first) * 1000) / (now - begun);
        const left = speed > 0 ? `, ${timeLeft((totalBytes - doneBytes) / speed)} left` : "";
        const share = `${inBytes(doneBytes)} of ${inBytes(totalBytes)} (${Math.floor((100 * doneBytes) / totalBytes)} %)`;
        progress.say(`${path}: ${share}, ${inBytes(speed)}/s${left}`);
      },
    });
  });
}

export const timeLeft = (seconds: number): string =>
  seconds < 90
    ? `${Math.ceil(seconds)} s`
    : seconds < 5400
      ? `${Math.ceil(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;
