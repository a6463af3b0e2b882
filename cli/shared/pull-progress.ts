import type { PullOptions } from "../../adapters/hub/index.ts";
import type { LoadVlmOptions } from "../../adapters/llama-cpp/index.ts";
import type { Progress } from "./progress.ts";
import { say } from "./terminal.ts";

/** The line is written anew this often at most. */
const INTERVAL_MS = 200;

export function inBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e5 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}

/** Shows what a download brings before it begins, and how far it is. */
export function pullReport(
  progress: Progress,
  { converts = false }: { readonly converts?: boolean } = {},
): Required<Pick<PullOptions, "onPlan" | "onProgress">> {
  const pace = new Pace(progress);
  return {
    onPlan({ repo, licence, files, bytes, missingBytes, convertedBytes }) {
      const cached = missingBytes < bytes ? `, ${inBytes(bytes - missingBytes)} of it here already` : "";
      const names = files.map(({ path }) => path).join(", ");
      if (missingBytes === 0) return;
      say(`${repo}: ${names}, ${inBytes(bytes)}${cached}; licence: ${licence ?? "none stated"}`);
      if (!converts || convertedBytes === 0) return;
      say(`Its language model will be converted to GGUF, once: at most ${inBytes(convertedBytes)} more`);
    },
    onProgress: ({ path, doneBytes, totalBytes }) => pace.show(path, doneBytes, totalBytes),
  };
}

/** Shows that a language model is converted, and how far. */
export function convertReport(progress: Progress): Required<Pick<LoadVlmOptions, "onConvert">> {
  const pace = new Pace(progress);
  return {
    onConvert({ folder, file, doneBytes, totalBytes }) {
      if (doneBytes === 0) say(`Converting the language model of ${folder}, once: ${file}, ${inBytes(totalBytes)}`);
      pace.show("converting", doneBytes, totalBytes);
    },
  };
}

/** How much of a work is done, how fast it goes and when it ends. */
export class Pace {
  readonly #progress: Progress;
  readonly #begun = performance.now();
  #shown = 0;
  #first = -1;

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  show(what: string, done: number, total: number): void {
    const now = performance.now();
    if (this.#first < 0) this.#first = done; // what an earlier try has brought says nothing of this one's speed
    if (now - this.#shown < INTERVAL_MS && done < total) return;
    this.#shown = now;
    const speed = ((done - this.#first) * 1000) / (now - this.#begun);
    const left = speed > 0 ? `, ${timeLeft((total - done) / speed)} left` : "";
    const share = `${inBytes(done)} of ${inBytes(total)} (${Math.floor((100 * done) / total)} %)`;
    this.#progress.say(`${what}: ${share}, ${inBytes(speed)}/s${left}`);
  }
}

export const timeLeft = (seconds: number): string =>
  seconds < 90
    ? `${Math.ceil(seconds)} s`
    : seconds < 5400
      ? `${Math.ceil(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`;
