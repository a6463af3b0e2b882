import { renderUsage } from "citty";
import packageJson from "../package.json" with { type: "json" };
import { expected } from "../sdk/kit.ts";
import { asksForHelp, type CliCommand, plainUnlessTerminal, usageErrorMend } from "./command/command.ts";

/** Only the command that runs is loaded: to load them all takes twice as long. */
const commands: Readonly<Record<string, () => Promise<CliCommand>>> = {
  reconstruct: async () => (await import("./tokens/reconstruct.ts")).reconstruct,
  encode: async () => (await import("./tokens/encode.ts")).encode,
  ask: async () => (await import("./vlm/ask.ts")).ask,
  chat: async () => (await import("./vlm/chat.ts")).chat,
  generate: async () => (await import("./generate/generate.ts")).generate,
  serve: async () => (await import("./serve/serve.ts")).serve,
  evaluate: async () => (await import("./evaluate/evaluate.ts")).evaluate,
  analyze: async () => (await import("./analyze/analyze.ts")).analyze,
  bench: async () => (await import("./bench/bench.ts")).bench,
  swap: async () => (await import("./swap/swap.ts")).swap,
  "expand-vocabulary": async () => (await import("./generate/expand-vocabulary.ts")).expandVocabularyCommand,
  carrier: async () => (await import("./vlm/carrier.ts")).carrier,
  inspect: async () => (await import("./inspect/inspect.ts")).inspect,
  devices: async () => (await import("./devices/devices.ts")).devices,
};

/** Runs one command line, given without node and the script: `vqrae <command> ...`. */
export async function run(rawArgs: readonly string[]): Promise<void> {
  const [name, ...rest] = rawArgs;
  if (name === "--version" || name === "-v") return print(packageJson.version);
  if (name === undefined || name === "--help" || name === "-h") return print(await help());
  if (!Object.hasOwn(commands, name)) {
    const names = Object.keys(commands).join(", ");
    throw expected("INVALID_ARGUMENT", `one of ${names}`, "the command", name, usageErrorMend("vqrae"));
  }
  const command = await commands[name]!();
  if (asksForHelp(rest)) return print(await command.help(rest));
  await command.run(rest);
}

async function help(): Promise<string> {
  const subCommands: Record<string, { meta: { name: string; description: string } }> = {};
  for (const [name, load] of Object.entries(commands)) {
    subCommands[name] = { meta: { name, description: (await load()).description } };
  }
  const { version, description } = packageJson;
  return plainUnlessTerminal(await renderUsage({ meta: { name: "vqrae", version, description }, subCommands }));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
