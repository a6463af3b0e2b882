import { setImmediate } from "node:timers/promises";

/** Bytes that are copied or hashed in some milliseconds, also where their memory is touched for the first time. */
const STEP = 2 ** 20;

let line: Promise<unknown> = Promise.resolve();

/**
 * Resolves in a turn of the event loop that nobody else of this line works in. Requests that come at once would otherwise take
 * their steps in one turn.
 */
export async function ownTurn(): Promise<void> {
  const mine = line.then(() => setImmediate());
  line = mine;
  await mine;
}

/** Bytes, some at a time, each in a turn of its own. */
export async function* inSteps(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += STEP) {
    if (start > 0) await ownTurn();
    yield bytes.subarray(start, start + STEP);
  }
}

/** Bytes one behind the other, in memory of their own. Others go on meanwhile. */
export async function joinInSteps(parts: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(new ArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0)));
  let [at, inTurn] = [0, 0];
  for (const part of parts) {
    for (let start = 0; start < part.length; start += STEP) {
      const step = part.subarray(start, start + STEP);
      if (inTurn + step.length > STEP) {
        await ownTurn();
        inTurn = 0;
      }
      whole.set(step, at);
      at += step.length;
      inTurn += step.length;
    }
  }
  return whole;
}
