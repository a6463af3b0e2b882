import { createInterface } from "node:readline/promises";
import type { Vlm, VlmMessage, VlmPart } from "../../adapters/llama-cpp/index.ts";
import { VqraeError } from "../../sdk/index.ts";
import { defineCommand } from "../command/command.ts";
import { optionalArgument } from "../command/option.ts";
import { print, say } from "../shared/terminal.ts";
import { DEFAULT_FPS, framesOf } from "./frames.ts";
import { vlmOptions, withVlm } from "./with-vlm.ts";

const HELP =
  "/image <file> shows an image with the next message, /video <folder> [fps] a video's frames, /new starts over, /exit ends. " +
  "Ctrl-C stops an answer.";

export const chat = defineCommand({
  arguments: { image: optionalArgument("An image for the first message") },
  options: vlmOptions,
  notes: [`Type a message and press Enter. ${HELP}`],
  examples: ["vqrae chat photo.png", "vqrae chat --llm model.gguf --mmproj mmproj.gguf"],
  async run({ image, ...args }, name) {
    await withVlm(name, args, (vlm) => converse(vlm, image));
  },
});

/** A line is a message. Lines come from a terminal, or from a pipe that holds the whole conversation. */
async function converse(vlm: Vlm, first: string | undefined): Promise<void> {
  const terminal = process.stdin.isTTY === true;
  const lines = createInterface({ input: process.stdin, ...(terminal && { output: process.stderr }), terminal });
  // From here on it keeps the lines that come while the first image is encoded, and a pipe's end.
  const typed = lines[Symbol.asyncIterator]();
  const messages: VlmMessage[] = [];
  let shown: VlmPart[] = first === undefined ? [] : await readable(vlm, first);
  let stop: AbortController | null = null;
  lines.on("SIGINT", () => (stop ? stop.abort() : lines.close()));
  const ready = () => {
    if (terminal) lines.prompt();
  };
  if (terminal) say(HELP);
  ready();
  for await (const line of typed) {
    const [command, ...rest] = line.trim().split(/\s+/);
    if (command === "/exit") break;
    if (command === "/help") say(HELP);
    else if (command === "/new") {
      messages.length = 0;
      shown = [];
    } else if (command === "/image") shown.push(...(await readable(vlm, rest.join(" "))));
    else if (command === "/video") shown.push(...(await readableVideo(vlm, rest)));
    else if (command?.startsWith("/")) say(`There is no ${command}. ${HELP}`);
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

/** The image if it can be read, else none. It is encoded here, so that the next message does not wait for it. */
const readable = (vlm: Vlm, image: string): Promise<VlmPart[]> =>
  orNone(async () => {
    await vlm.vision.image(image);
    return { image };
  });

/** The same for a video: `[folder]`, or `[folder, fps]`. */
const readableVideo = (vlm: Vlm, words: readonly string[]): Promise<VlmPart[]> =>
  orNone(async () => {
    const fps = words.length > 1 ? Number(words.at(-1)) : DEFAULT_FPS;
    const folder = words.slice(0, Number.isNaN(fps) || words.length < 2 ? undefined : -1).join(" ");
    const video = await framesOf([folder], Number.isNaN(fps) ? DEFAULT_FPS : fps);
    await vlm.vision.video(video);
    return { video };
  });

async function orNone(read: () => Promise<VlmPart>): Promise<VlmPart[]> {
  try {
    return [await read()];
  } catch (error) {
    if (!VqraeError.isInstance(error)) throw error;
    say(error.message);
    return [];
  }
}

/** The answer as far as it was printed before Ctrl-C; null after an error, which goes to standard error. */
async function printAnswer(vlm: Vlm, messages: readonly VlmMessage[], signal: AbortSignal): Promise<string | null> {
  let answer = "";
  try {
    for await (const { text } of vlm.streamChat(messages, { signal })) {
      print(text);
      answer += text;
    }
  } catch (error) {
    if (!signal.aborted) {
      if (!VqraeError.isInstance(error)) throw error;
      say(error.message);
      return null;
    }
  }
  print("\n");
  return answer;
}
