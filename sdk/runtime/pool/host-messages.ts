import type { PlainError } from "./protocol.ts";

/** What passes between a `HostedPool` and the process of its threads. Everything here survives structured cloning. */

export interface HostSetup {
  readonly size: number;
  readonly setup: unknown;
  /** A `file:` URL. */
  readonly file: string;
}

export interface HostedJob {
  readonly id: number;
  readonly kind: string;
  readonly input: unknown;
}

export type HostMessage = HostSetup | HostedJob | { readonly abort: number } | { readonly dispose: true };

export type HostResponse =
  | { readonly id: number; readonly ok: true; readonly output: unknown }
  | { readonly id: number; readonly ok: false; readonly error: PlainError };

/**
 * Stands for an output in memory that threads share, which cannot leave its process. As part of a later job's input it
 * becomes that output again, or the job that made it is done once more in a new process.
 */
export interface HeldOutput {
  readonly heldOutputOf: HostedJob;
}

export function heldOutputOf(value: unknown): HostedJob | undefined {
  return value !== null && typeof value === "object" && "heldOutputOf" in value
    ? (value as HeldOutput).heldOutputOf
    : undefined;
}
