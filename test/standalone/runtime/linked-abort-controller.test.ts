import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { LinkedAbortController } from "../../../sdk/kit.ts";

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

test("aborts with each of its signals, with that one's reason", () => {
  for (const which of [0, 1]) {
    const sources = [new AbortController(), new AbortController()];
    const { signal } = new LinkedAbortController(sources[0]!.signal, undefined, sources[1]!.signal);
    expect(signal.aborted).toBe(false);
    const reason = new Error("enough");
    sources[which]!.abort(reason);
    expect(signal.reason).toBe(reason);
    sources[1 - which]!.abort(new Error("later"));
    expect(signal.reason).toBe(reason);
  }
});

test("is aborted from the start with a signal that is", () => {
  const [open, aborted] = [new AbortController().signal, AbortSignal.abort("gone")];
  const { signal } = new LinkedAbortController(open, aborted);
  expect(signal.reason).toBe("gone");
  expect(listeners(open)).toBe(0);
});

test("its own abort ends nothing but itself", () => {
  const source = new AbortController();
  const controller = new LinkedAbortController(source.signal);
  controller.abort();
  expect(controller.signal.reason).toMatchObject({ name: "AbortError" });
  expect(source.signal.aborted).toBe(false);
});

test("leaves nothing in its signals, however it ends", () => {
  const source = new AbortController();
  const [unlinked, own] = [1, 2].map(() => new LinkedAbortController(source.signal));
  expect(listeners(source.signal)).toBe(2);
  unlinked!.unlink();
  own!.abort();
  expect(listeners(source.signal)).toBe(0);
  const followed = new LinkedAbortController(source.signal);
  source.abort();
  expect(followed.signal.aborted).toBe(true);
  expect(unlinked!.signal.aborted).toBe(false);
  expect(listeners(source.signal)).toBe(0);
});
