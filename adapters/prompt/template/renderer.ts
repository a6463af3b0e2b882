import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expectedBut, Gate, isObject, workerFile } from "../../../sdk/kit.ts";
import type { RenderAnswer, RenderJob } from "./render-template.ts";

/** Models' own templates render within some milliseconds. */
const TIME_LIMIT_MS = 2000;
/** For the process to start, on a machine that has much else to do. */
const START_LIMIT_MS = 30_000;
/** For the process to start and to render, while the caller's waits. */
const NOW_LIMIT_MS = 10_000;
const MEMORY_MB = 128;
/** The process goes when nothing was rendered for so long. */
const IDLE_MS = 60_000;
/** Templates take up to some ten thousand characters. */
const MAX_SOURCE = 1024 * 1024;
/** What a process of "once" may write: the longest text, escaped. */
const MAX_OUTPUT = 256 * 1024 * 1024;

const FLAGS = [`--max-old-space-size=${MEMORY_MB}`];
const ENVIRONMENT = { NODE_NO_WARNINGS: "1" };

/** Renders templates in a process of its own, one at a time, with limits of time and memory. */
class Renderer {
  #child: Promise<ChildProcess> | null = null;
  readonly #turns = new Gate(1);
  #idle: NodeJS.Timeout | undefined;

  /** @throws UNSUPPORTED past a limit; the signal's reason */
  render(job: RenderJob, file: string, signal?: AbortSignal): Promise<RenderAnswer> {
    requireShort(job, file);
    return this.#turns.run(async () => {
      clearTimeout(this.#idle);
      const child = await (this.#child ??= this.#start());
      try {
        return await answerOf(child, job, file, signal);
      } catch (error) {
        this.#child = null;
        child.kill("SIGKILL");
        throw error;
      } finally {
        this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
      }
    }, signal);
  }

  #start(): Promise<ChildProcess> {
    const started = new Promise<ChildProcess>((resolve, reject) => {
      const child = fork(fileURLToPath(workerFile("template-process")), [], {
        execArgv: FLAGS,
        env: { ...process.env, ...ENVIRONMENT },
        stdio: ["ignore", "ignore", "ignore", "ipc"],
      });
      const fail = (cause: unknown) => reject(noProcess(cause));
      const timer = setTimeout(() => child.kill("SIGKILL"), START_LIMIT_MS);
      child.once("error", fail);
      child.once("exit", (code, end) => {
        clearTimeout(timer);
        if (this.#child === started) this.#child = null;
        fail(`it ended with ${end ?? code}`);
      });
      child.once("message", () => {
        clearTimeout(timer);
        keepAlive(child, false);
        resolve(child);
      });
    });
    started.catch(() => {
      if (this.#child === started) this.#child = null;
    });
    return started;
  }

  #end(): void {
    this.#child?.then((child) => child.kill("SIGKILL")).catch(() => {});
    this.#child = null;
  }
}

export const renderer = new Renderer();

/**
 * The same at once, in a process that is started for it: it blocks this one for some 100 ms, and for the limit at most.
 * @throws UNSUPPORTED past a limit
 */
export function renderNow(job: RenderJob, file: string): RenderAnswer {
  requireShort(job, file);
  const { stdout, error, status, signal } = spawnSync(
    process.execPath,
    [...FLAGS, fileURLToPath(workerFile("template-process")), "once"],
    {
      input: JSON.stringify(job),
      env: { ...process.env, ...ENVIRONMENT },
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
      maxBuffer: MAX_OUTPUT,
      timeout: NOW_LIMIT_MS,
      killSignal: "SIGKILL",
    },
  );
  const late = error !== undefined && "code" in error && error.code === "ETIMEDOUT";
  if (late) throw pastLimit(file, "one that runs on", error);
  if (error !== undefined) throw noProcess(error);
  const answer = status === 0 ? parse(stdout) : null;
  if (answer === null) throw pastLimit(file, `one that ended its process (${signal ?? status})`);
  return answer;
}

function answerOf(child: ChildProcess, job: RenderJob, file: string, signal?: AbortSignal): Promise<RenderAnswer> {
  return new Promise<RenderAnswer>((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      signal?.removeEventListener("abort", onAbort);
      keepAlive(child, false);
      settle();
    };
    const onMessage = (answer: unknown) => {
      const read = isAnswer(answer) ? answer : null;
      end(() => (read === null ? reject(noProcess("its answer is none")) : resolve(read)));
    };
    const onExit = (code: number | null, cause: string | null) =>
      end(() => reject(pastLimit(file, `one that ended its process (${cause ?? code})`)));
    const onAbort = () => end(() => reject(signal?.reason));
    const timer = setTimeout(() => end(() => reject(pastLimit(file, "one that runs on"))), TIME_LIMIT_MS);
    child.once("message", onMessage);
    child.once("exit", onExit);
    signal?.addEventListener("abort", onAbort, { once: true });
    keepAlive(child, true);
    child.send(job);
  });
}

/** A process that renders holds the caller's open, one that waits does not. */
function keepAlive(child: ChildProcess, busy: boolean): void {
  if (busy) child.ref();
  else child.unref();
  const { channel } = child;
  if (busy) channel?.ref();
  else channel?.unref();
}

const isAnswer = (value: unknown): value is RenderAnswer =>
  isObject(value) && (typeof value.text === "string" || typeof value.error === "string");

function parse(text: string): RenderAnswer | null {
  try {
    const value: unknown = JSON.parse(text);
    return isAnswer(value) ? value : null;
  } catch {
    return null;
  }
}

function requireShort({ source }: RenderJob, file: string): void {
  if (source.length <= MAX_SOURCE) return;
  const received = `one of ${source.length} characters`;
  throw expectedBut("UNSUPPORTED", `a chat template of at most ${MAX_SOURCE} characters`, file, received);
}

const pastLimit = (file: string, received: string, cause?: unknown) => {
  const what = `a chat template that renders a conversation within ${TIME_LIMIT_MS / 1000} seconds and ${MEMORY_MB} MB`;
  return expectedBut("UNSUPPORTED", what, file, received, {
    mend: "Give another one as the option chatTemplate.",
    cause,
  });
};

const noProcess = (cause: unknown) => {
  const said = cause instanceof Error ? cause.message : String(cause);
  return expectedBut("RUNTIME", "a process that renders chat templates", "the prompt", `none (${said})`, { cause });
};
