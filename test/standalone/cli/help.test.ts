import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Command } from "../../../cli/command/command.ts";
import { commandHelp } from "../../../cli/command/help.ts";
import { type Entry, sections } from "../../../cli/commands.ts";
import { inFolder, runCli } from "./run-cli.ts";

/** As wide as a terminal that nobody made wider. */
const WIDTH = 80;

const entries = sections.flatMap(({ commands }) => commands);

/** Every command that runs, by its whole name. */
const commandsOf = (
  entry: Entry,
  before = "vqrae",
): { name: string; about: string; load: () => Promise<Command> }[] => {
  const name = `${before} ${entry.name}`;
  if ("commands" in entry) return entry.commands.flatMap((own) => commandsOf(own, name));
  return [{ name, about: entry.about, load: entry.load }];
};

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

test("no command, or --help, lists the commands; bench, evaluate and analyze are told apart", async () => {
  const [bare, help] = await Promise.all([runCli(), runCli("--help")]);
  expect(help).toEqual(bare);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  for (const { name, about } of entries) expect(help.stdout).toContain(`  ${name.padEnd(17)}  ${about}\n`);
  expect(help.stdout).toMatch(/`bench` scores .*`evaluate` scores .*`analyze` looks at/s);
  expect(help.stdout).not.toContain("\u001b");
  expect(widest(help.stdout)).toBeLessThanOrEqual(WIDTH);
});

test("--help of a command that has others lists them", async () => {
  const { code, stdout, stderr } = await runCli("evaluate", "--help");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("USAGE vqrae evaluate <command>");
  for (const name of ["reconstruction", "geneval", "dpg-bench"]) expect(stdout).toContain(`\n  ${name} `);
  expect(widest(stdout)).toBeLessThanOrEqual(WIDTH);
});

test.each([["encode"], ["analyze", "clusters"]])("vqrae %s %s --help shows options and examples", async (...names) => {
  const { code, stdout, stderr } = await runCli(...names, "--help");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(`USAGE vqrae ${names.join(" ")} <`);
  expect(stdout).toContain("\n  --max-pixels <count> ");
  expect(stdout).toContain("\nEXAMPLES\n");
  expect(stdout).not.toContain("\u001b");
});

describe("every command's help fits a terminal and ends with examples", () => {
  test.each(entries.flatMap((entry) => commandsOf(entry)))("$name", async ({ name, about, load }) => {
    const { shape } = await load();
    const text = commandHelp(name, about, shape);
    expect(widest(text)).toBeLessThanOrEqual(WIDTH);
    expect(shape.examples.some((line) => line.startsWith(name))).toBe(true);
    expect(text).not.toContain("undefined");
  });
});

test("help, version and the list of commands load nothing but themselves", () =>
  inFolder(async (folder) => {
    const main = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));
    const env = { ...process.env, NODE_V8_COVERAGE: folder, NODE_NO_WARNINGS: "1" };
    for (const args of [[], ["--help"], ["--version"], ["evaluate", "--help"]]) {
      execFileSync(process.execPath, [main, ...args], { env });
    }
    const reports = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")));
    const loaded = reports.flatMap((text): string[] => JSON.parse(text).result.map(({ url }: { url: string }) => url));
    expect(loaded.some((url) => url.endsWith("cli/commands.ts"))).toBe(true);
    expect(loaded.filter((url) => /\/(sdk|adapters|node_modules)\//.test(url))).toEqual([]);
  }));
