import { createInterface } from "node:readline/promises";
import type { Vlm, VlmMessage } from "../../adapters/llama-cpp/index.ts";
import { VqraeError } from "../../sdk/index.ts";
import { cliCommand } from "../command/command.ts";
import { vlmArgs, withVlm } from "./with-vlm.ts";

const HELP =
  "/image <file> shows an image with the next message, /new begins anew, /exit ends; Ctrl-C stops an answer.";

export const chat = cliCommand({
  name: "chat",
  description: "Talk with a vision language model about images, over several turns",
  args: {
    image: { type: "positional", required: false, description: "An image for the first message" },
    ...vlmArgs,
  },
  examples: ["vqrae chat photo.png", "vqrae chat --llm model.gguf --projector ./projector"],
  async run({ image, json: _json, ...args }) {
    await withVlm("chat", args, (vlm) => converse(vlm, image));
  },
});

/** One line, one message; what is typed reaches it line by line, and a pipe may hold the whole conversation. */
async function converse(vlm: Vlm, first: string | undefined): Promise<void> {
  const terminal = process.stdin.isTTY === true;
  const lines = createInterface({ input: process.stdin, output: terminal ? process.stderr : undefined!, terminal });
  const messages: VlmMessage[] = [];
  let shown = first === undefined ? [] : await readable(vlm, first);
  let stop: AbortController | null = null;
  lines.on("SIGINT", () => (stop ? stop.abort() : lines.close()));
  const ready = () => {
    if (terminal) lines.prompt();
  };
  if (terminal) process.stderr.write(`${HELP}\n`);
  ready();
  for await (const line of lines) {
    const [command, ...rest] = line.trim().split(/\s+/);
    if (command === "/exit") break;
    if (command === "/help") process.stderr.write(`${HELP}\n`);
    else if (command === "/new") {
      messages.length = 0;
      shown = [];
    } else if (command === "/image") shown.push(...(await readable(vlm, rest.join(" "))));
    else if (command?.startsWith("/")) process.stderr.write(`There is no ${command}. ${HELP}\n`);
    else if (line.trim() !== "") {
      const question: VlmMessage = { role: "user", content: [...shown, line] };
      shown = [];
      stop = new AbortController();
      const answer = await printAnswer(vlm, [...messages, question], stop.signal);
      if (answer !== null) messages.push(question, { role: "assistant", content: answer });
      stop = null;
    }
    ready();
  }
  lines.close();
}

/** The image, where it is one: it is encoded here, and the next message does not wait for it. */
async function readable(vlm: Vlm, image: string): Promise<{ image: string }[]> {
  try {
    await vlm.vision.image(image);
    return [{ image }];
  } catch (error) {
    if (!VqraeError.isInstance(error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return [];
  }
}

/** What was said of it before it was stopped; null where it failed, which is said on standard error. */
async function printAnswer(vlm: Vlm, messages: readonly VlmMessage[], signal: AbortSignal): Promise<string | null> {
  let answer = "";
  try {
    for await (const { text } of vlm.streamChat(messages, { signal })) {
      process.stdout.write(text);
      answer += text;
    }
  } catch (error) {
    if (!signal.aborted) {
      if (!VqraeError.isInstance(error)) throw error;
      process.stderr.write(`${error.message}\n`);
      return null;
    }
  }
  process.stdout.write("\n");
  return answer;
}
