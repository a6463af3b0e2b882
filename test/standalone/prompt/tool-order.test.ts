import { expect, it } from "vitest";
import { checkedMessages } from "../../../adapters/prompt/messages.ts";
import type { VlmMessage } from "../../../adapters/vision-language-model.ts";

const call = (id: string) => ({ id, name: "look", arguments: {} });
const calls = (...ids: string[]): VlmMessage => ({ role: "assistant", content: "", toolCalls: ids.map(call) });
const result = (toolCallId?: string): VlmMessage => ({
  role: "tool",
  content: `of ${toolCallId}`,
  ...(toolCallId !== undefined && { toolCallId }),
});
const order = (...messages: VlmMessage[]) =>
  checkedMessages(messages).flatMap(({ role, parts }) => (role === "tool" ? parts : []));

it("what tools gave stands in the order of the calls, by their ids, each behind its own calls", () => {
  expect(order(calls("a", "b", "c"), result("c"), result("a"), result("b"))).toEqual(["of a", "of b", "of c"]);
  const two = order(calls("a", "b"), result("b"), result("a"), calls("c", "d"), result("d"), result("c"));
  expect(two).toEqual(["of a", "of b", "of c", "of d"]);
});

it("it stays where it is without ids, and where an id is of no call", () => {
  expect(order(calls("a", "b"), result("b"), result())).toEqual(["of b", "of undefined"]);
  expect(order(calls("a", "b"), result("b"), result("x"), result("a"))).toEqual(["of b", "of x", "of a"]);
});
