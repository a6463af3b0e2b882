import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHATML, how, openTinyVlms } from "../../helpers/tiny-vlm.ts";

/** As Qwen3.5's and GLM-4.5V's templates do, unless they are told not to. */
const OPENS = CHATML.replace("assistant\n'", "assistant\n<think>\n'");
const MAX = 24;

/** What the tiny model says behind the open thought, and where a token comes that came nowhere before. */
let said: number[];
let end: number;
let tiny: Awaited<ReturnType<typeof openTinyVlms>>;

beforeAll(async () => {
  await using plain = await disposable(openTinyVlms());
  const { vlm } = await plain.openVlm({ template: OPENS });
  const { ids } = await vlm.buildPrompt(how);
  const sequence = vlm.context.getSequence();
  said = [];
  for await (const token of sequence.evaluate(ids.map(toToken), { temperature: 0 })) {
    if (said.push(token) === MAX) break;
  }
  end = said.findIndex((token, i) => i > 3 && !ids.includes(token) && said.indexOf(token) === i);
  expect(end).toBeGreaterThan(3);
  tiny = await openTinyVlms({ rename: [[said[end]!, "</think>"]] });
});
afterAll(() => tiny.dispose());

describe("a template that opens a thought", () => {
  it("gives the answer behind the thought, and every token is counted", async () => {
    const { vlm } = await tiny.openVlm({ template: OPENS });
    const answer = await vlm.chat(how, { maxTokens: MAX });
    const behind = said.slice(end + 1).filter((token) => token !== said[end]);
    // Half a character at the end is no text.
    expect(answer.text).toBe(
      vlm.model
        .detokenize(behind.map(toToken))
        .trimStart()
        .replace(/\uFFFD+$/, ""),
    );
    expect(answer.text).not.toBe("");
    expect(answer.answerTokens).toBe(MAX);
    expect((await vlm.buildPrompt(how)).ids).toHaveLength(answer.promptTokens!);
  });

  it("gives no text while the thought goes on", async () => {
    const { vlm } = await tiny.openVlm({ template: OPENS });
    const answer = await vlm.chat(how, { maxTokens: end });
    expect(answer).toMatchObject({ text: "", finishReason: "length", answerTokens: end });
  });

  it("keeps thoughts out of a session's answers as well", async () => {
    const { vlm } = await tiny.openVlm({ template: OPENS });
    const { text } = await vlm.chat(how, { maxTokens: MAX });
    const session = await vlm.createSession();
    const answer = await session.prompt("how", { maxTokens: MAX, repeatPenalty: false });
    expect(answer.trimStart()).toBe(text);
  });
});

const toToken = (id: number) => id as import("node-llama-cpp").Token;

async function disposable<T extends { dispose(): Promise<void> }>(opening: Promise<T>) {
  const opened = await opening;
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.dispose() });
}
