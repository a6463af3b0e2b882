import { type ChildProcess, fork } from "node:child_process";
import { expectedBut, type VqraeError } from "../../errors.ts";
import { workerFile } from "../../files/package-file.ts";
import { telemetryOff } from "../telemetry.ts";
import { type Ends, endsUntilAbort } from "./abort.ts";
import type { HostMessage, HostResponse } from "./host-messages.ts";
import type { JobPool, PoolOptions, RunOptions } from "./job-pool.ts";
import { fromPlainError, type JobTable } from "./protocol.ts";
import { disposedError, MAX_DEATHS } from "./worker-pool.ts";

/**
 * A pool whose threads live in a process of their own, for callers that are a worker thread themselves: nothing tells a
 * thread that it is about to be terminated, and its own threads would end with it while onnxruntime runs in them, which
 * aborts the whole process. What jobs take and give is copied; what threads share in memory stays over there. Pools take no
 * turns (`PoolOptions.turns`): each has its process to itself.
 */
export class HostedPool<J extends JobTable<J>> implements JobPool<J> {
  readonly #options: PoolOptions;
  readonly #pending = new Map<number, Ends<unknown>>();
  #child: ChildProcess | null = null;
  #jobs = 0;
  #deaths = 0;
  #broken: VqraeError | null = null;
  #disposal: Promise<void> | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  run<K extends keyof J>(kind: K, input: J[K]["input"], { signal }: RunOptions = {}): Promise<J[K]["output"]> {
    return this.#run(String(kind), input, signal) as Promise<J[K]["output"]>;
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  #run(kind: string, input: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#disposal !== null) return reject(disposedError());
      if (this.#broken !== null) return reject(this.#broken);
      const id = this.#jobs++;
      const onAbort = () => {
        this.#send({ abort: id });
        this.#end(id)?.reject(signal?.reason);
      };
      this.#pending.set(id, endsUntilAbort(signal, { resolve, reject }, onAbort));
      this.#send({ id, kind, input });
    });
  }

  #send(message: HostMessage): void {
    const child = (this.#child ??= this.#start());
    child.ref();
    child.channel?.ref();
    child.send(message, (error) => {
      if (error !== null && "id" in message) this.#end(message.id)?.reject(unsent(message.kind, error));
    });
  }

  #start(): ChildProcess {
    const child = fork(workerFile("pool-host"), [], {
      execArgv: [],
      serialization: "advanced",
      env: { ...process.env, ...telemetryOff() },
    });
    const { size, setup, file } = this.#options;
    child.send({ size, setup, file: file.href } satisfies HostMessage);
    let failure: Error | undefined;
    child.on("message", (response: HostResponse) => {
      this.#deaths = 0;
      const job = this.#end(response.id);
      if (response.ok) job?.resolve(response.output);
      else job?.reject(fromPlainError(response.error));
    });
    child.on("error", (error) => {
      failure = error;
    });
    child.on("close", (code, signal) => {
      this.#child = null;
      if (this.#pending.size > 0) this.#mourn(failure?.message ?? signal ?? `exit code ${code}`, failure);
    });
    return child;
  }

  /** The process ended by itself: its jobs are lost, and after too many such ends in a row so is the pool. */
  #mourn(why: string, cause: unknown): void {
    this.#deaths += 1;
    const died = `one that died (${why})`;
    const error = expectedBut("RUNTIME", "a living process of worker threads", "the tokenizer", died, { cause });
    if (this.#deaths >= MAX_DEATHS) this.#broken = error;
    for (const id of [...this.#pending.keys()]) this.#end(id)?.reject(error);
  }

  /** Takes a job from the list. A process without jobs does not keep the program alive. */
  #end(id: number): Ends<unknown> | undefined {
    const job = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0 && this.#disposal === null) {
      this.#child?.unref();
      this.#child?.channel?.unref();
    }
    return job;
  }

  async #close(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    await new Promise((resolve) => {
      child.once("close", resolve);
      this.#send({ dispose: true });
    });
  }
}

function unsent(kind: string, cause: Error): VqraeError {
  return expectedBut("RUNTIME", "a job that a process accepts", `"${kind}"`, cause.message, { cause });
}
