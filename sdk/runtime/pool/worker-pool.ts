import { Worker } from "node:worker_threads";
import { expectedBut, type VqraeError } from "../../errors.ts";
import { disableTelemetry } from "../telemetry.ts";
import { type Ends, endsUntilAbort } from "./abort.ts";
import { forgetExitGuard, type GuardedData, newExitGuard } from "./exit-guard.ts";
import type { Gate } from "./gate.ts";
import type { JobPool, PoolOptions, RunOptions } from "./job-pool.ts";
import { fromPlainError, type JobRequest, type JobResponse, type JobTable } from "./protocol.ts";

/** After this many deaths in a row without one answer, a worker is not replaced any more. */
export const MAX_DEATHS = 3;

interface Job<J extends JobTable<J>> extends Ends<J[keyof J]["output"]> {
  readonly request: JobRequest<J>;
  readonly transfer: readonly ArrayBuffer[];
}

interface Seat<J extends JobTable<J>> {
  /** Started with the seat's first job, and again after a death. */
  worker: Worker | null;
  job: Job<J> | null;
  /** Gives the turn back that its job has. */
  endTurn: (() => void) | null;
}

/**
 * Worker threads with one queue: a free worker takes the next job, one at a time. A worker that dies rejects its job with
 * RUNTIME and is replaced. Idle workers do not keep the process alive; a job that is running does.
 */
export class WorkerPool<J extends JobTable<J>> implements JobPool<J> {
  readonly #file: URL;
  readonly #setup: unknown;
  readonly #seats: readonly Seat<J>[];
  readonly #turns: Gate | null;
  readonly #queue: Job<J>[] = [];
  #deaths = 0;
  #broken: VqraeError | null = null;
  #disposal: Promise<void> | null = null;
  #onIdle: (() => void) | null = null;

  constructor({ size, setup, file, turns }: PoolOptions) {
    this.#file = file;
    this.#setup = setup;
    this.#seats = Array.from({ length: size }, () => ({ worker: null, job: null, endTurn: null }));
    this.#turns = turns ?? null;
  }

  run<K extends keyof J>(
    kind: K,
    input: J[K]["input"],
    { transfer = [], signal }: RunOptions = {},
  ): Promise<J[K]["output"]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#disposal !== null) return reject(disposedError());
      if (this.#broken !== null) return reject(this.#broken);
      const onAbort = () => {
        const place = this.#queue.indexOf(job);
        if (place >= 0) this.#queue.splice(place, 1);
        job.reject(signal?.reason);
      };
      const job: Job<J> = {
        request: { kind, input },
        transfer,
        ...endsUntilAbort(signal, { resolve, reject }, onAbort),
      };
      this.#queue.push(job);
      this.#assign();
    });
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  async #close(): Promise<void> {
    for (const job of this.#queue.splice(0)) job.reject(disposedError());
    if (this.#seats.some((seat) => seat.job !== null)) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    const turns = this.#turns;
    const end = async ({ worker }: Seat<J>) => worker?.terminate();
    await Promise.all(this.#seats.map((seat) => (turns === null ? end(seat) : turns.run(() => end(seat)))));
  }

  #assign(): void {
    for (const seat of this.#seats) {
      if (seat.job !== null) continue;
      const job = this.#queue.shift();
      if (job === undefined) return;
      this.#start(seat, job);
    }
  }

  #start(seat: Seat<J>, job: Job<J>): void {
    seat.job = job;
    const post = (endTurn: (() => void) | null) => {
      seat.endTurn = endTurn;
      this.#post(seat, job);
    };
    if (this.#turns === null) post(null);
    else void this.#turns.run(() => new Promise<void>(post));
  }

  #post(seat: Seat<J>, job: Job<J>): void {
    try {
      seat.worker ??= this.#hire(seat);
      seat.worker.ref();
      seat.worker.postMessage(job.request, job.transfer);
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      job.reject(
        expectedBut("RUNTIME", "a job that a worker thread accepts", `"${String(job.request.kind)}"`, what, { cause }),
      );
      this.#release(seat);
    }
  }

  #hire(seat: Seat<J>): Worker {
    disableTelemetry();
    // The program's own flags are not passed on: `node --input-type=module -e ...` would keep any worker from starting.
    const guard = newExitGuard();
    const workerData: GuardedData<unknown> = { setup: this.#setup, guard };
    const worker = new Worker(this.#file, { workerData, execArgv: [] });
    let failure: unknown;
    worker.on("message", (response: JobResponse<J>) => {
      this.#deaths = 0;
      if (response.ok) seat.job?.resolve(response.output);
      else seat.job?.reject(fromPlainError(response.error));
      this.#release(seat);
    });
    worker.on("messageerror", (cause) => {
      seat.job?.reject(expectedBut("RUNTIME", "a readable answer", "a worker thread", cause.message, { cause }));
      this.#release(seat);
    });
    worker.on("error", (error) => {
      failure = error;
    });
    worker.on("exit", (exitCode) => {
      forgetExitGuard(guard);
      seat.worker = null;
      if (this.#disposal === null || seat.job !== null) this.#mourn(seat, exitCode, failure);
    });
    return worker;
  }

  /** A worker ended by itself: its job is lost, and after too many such ends in a row so is the pool. */
  #mourn(seat: Seat<J>, exitCode: number, cause: unknown): void {
    this.#deaths += 1;
    const why = cause instanceof Error ? cause.message : `exit code ${exitCode}`;
    const died = `one that died (${why})`;
    const error = expectedBut("RUNTIME", "a living worker thread", "the tokenizer", died, { cause });
    seat.job?.reject(error);
    if (this.#deaths >= MAX_DEATHS) {
      this.#broken = error;
      for (const job of this.#queue.splice(0)) job.reject(error);
    }
    this.#release(seat);
  }

  #release(seat: Seat<J>): void {
    seat.job = null;
    seat.endTurn?.();
    seat.endTurn = null;
    seat.worker?.unref();
    this.#assign();
    if (this.#seats.every((other) => other.job === null)) this.#onIdle?.();
  }
}

export const disposedError = (): VqraeError =>
  expectedBut("DISPOSED", "a tokenizer that is in use", "this call", "one after dispose()", "Load it again.");
