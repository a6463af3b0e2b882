import { check, refuses } from "./assertions.ts";
import { type Check, canDecode, canEmbed, type Subject } from "./subject.ts";

/** These end the model that they are given. */
export const disposeChecks: readonly Check[] = [
  [
    "dispose: may be called twice; every call after it rejects with DISPOSED",
    async (subject) => {
      const calls = await everyCall(subject);
      const dispose = disposeOf(subject);
      await Promise.all([dispose(), dispose()]);
      await dispose();
      for (const [what, call] of calls) await refuses(call, ["DISPOSED"], `${what} after dispose`);
    },
  ],
  [
    "dispose: during calls lets each of them end, with its result or with DISPOSED",
    async (subject) => {
      const calls = await everyCall(subject);
      const outcomes = Promise.allSettled(calls.map(([, call]) => call()));
      await subject.model[Symbol.asyncDispose]();
      for (const [i, outcome] of (await outcomes).entries()) {
        if (outcome.status === "fulfilled") continue;
        await refuses(() => Promise.reject(outcome.reason), ["DISPOSED"], `${calls[i]?.[0]} during dispose`);
      }
      for (const [what, call] of calls) await refuses(call, ["DISPOSED"], `${what} after [Symbol.asyncDispose]`);
    },
  ],
];

/** `dispose`, or what stands for it. */
function disposeOf({ model }: Subject): () => Promise<void> {
  if (!("dispose" in model)) return async () => model[Symbol.asyncDispose]();
  const { dispose } = model;
  check(typeof dispose === "function", "dispose: expected a function");
  return async () => dispose.call(model);
}

type Call = readonly [what: string, call: () => Promise<unknown>];

/** A call of each method that the model has what it takes for. Their arguments are made now, while it works. */
async function everyCall(subject: Subject): Promise<Call[]> {
  const { model } = subject;
  const [image, images] = [subject.picture(), subject.pictures()];
  const calls: Call[] = [];
  if ("encode" in model) {
    calls.push(
      ["encode(image)", () => subject.encode(image)],
      ["encode(images)", () => subject.encodeMany(images)],
      ["encode([])", () => subject.encodeMany([])],
    );
  }
  if ("embed" in model && model.info.projector !== null) {
    calls.push(["embed(image)", () => model.embed(image)], ["embed(images)", () => model.embed(images)]);
  }
  if ("decode" in model && model.info.decodes !== null) {
    const [{ tokens, grid }] = await subject.decodable();
    const options = model.info.grid === null ? { grid } : {};
    calls.push(
      ["decode(tokens)", () => model.decode(tokens, options)],
      ["decode(images)", () => model.decode([tokens, tokens], options)],
    );
  }
  if ("codebookVectors" in model && model.info.codebook !== null) {
    calls.push(["codebookVectors(ids)", () => model.codebookVectors([0])]);
  }
  if ("views" in model) {
    calls.push(["views(image)", () => model.views(image)]);
    if (canEmbed(model)) calls.push(["embedViews(image)", () => model.embedViews(image)]);
    if (canDecode(model)) calls.push(["reconstructionTarget(image)", () => model.reconstructionTarget(image)]);
  }
  return calls;
}
