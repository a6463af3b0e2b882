import { styleText } from "node:util";
import type { CommandShape } from "./command-shape.ts";
import { type Option, optionName } from "./option.ts";

/** Where standard output is no terminal. */
const DEFAULT_WIDTH = 80;
/** Lines that are longer are hard to read. */
const MAX_WIDTH = 100;
/** A longer name has its text on the next line. */
const MAX_NAME = 26;

/** A group of lines in the list of commands. */
export interface HelpSection {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, about: string])[];
  readonly note?: string | undefined;
}

/** The help of `vqrae` itself, or of a command that has others. */
export function listHelp(name: string, about: string, sections: readonly HelpSection[]): string {
  const names = sections.flatMap(({ rows }) => rows.map(([own]) => own.length));
  return [
    ...wrap(about),
    "",
    `${heading("USAGE")} ${name} <command> [options]`,
    ...sections.flatMap(({ title, rows, note }) => [
      "",
      heading(title),
      ...table(rows, Math.max(...names)),
      ...(note === undefined ? [] : ["", ...indented(note)]),
    ]),
    "",
    ...wrap(`Type \`${name} <command> --help\` for a command's options and examples.`),
  ].join("\n");
}

/** The help of one command. */
export function commandHelp(name: string, about: string, shape: CommandShape, note?: string): string {
  const args = Object.entries(shape.arguments).map(([key, one]) => [one.usage(key), one.about] as const);
  const options = Object.entries(shape.options).map(([key, one]) => [optionUsage(key, one), optionText(one)] as const);
  const notes = [...(shape.notes ?? []), ...(note === undefined ? [] : [note])];
  return [
    ...wrap(`${about}.`),
    "",
    `${heading("USAGE")} ${[name, ...args.map(([usage]) => usage), "[options]"].join(" ")}`,
    ...(args.length === 0 ? [] : ["", heading("ARGUMENTS"), ...table(args)]),
    "",
    heading("OPTIONS"),
    ...table(options),
    ...notes.flatMap((text) => ["", ...wrap(text)]),
    "",
    heading("EXAMPLES"),
    ...shape.examples.map((line) => `  ${line}`),
  ].join("\n");
}

function optionUsage(key: string, { short, hint }: Option<unknown>): string {
  return `${short === undefined ? "" : `-${short}, `}--${optionName(key)}${hint === null ? "" : ` <${hint}>`}`;
}

const optionText = ({ about, shownDefault }: Option<unknown>): string =>
  shownDefault === undefined ? about : `${about} (default: ${shownDefault})`;

/** Bold on a terminal; `styleText` leaves it out for a pipe and where NO_COLOR asks for it. */
const heading = (text: string): string => styleText("bold", text);

const width = (): number => Math.min(process.stdout.columns || DEFAULT_WIDTH, MAX_WIDTH);

/** Names on the left, their texts in a column on the right. */
function table(rows: readonly (readonly [name: string, text: string])[], widest?: number): string[] {
  const column = Math.min(MAX_NAME, widest ?? Math.max(...rows.map(([name]) => name.length)));
  const indent = column + 4;
  return rows.flatMap(([name, text]) => {
    if (name.length > column) return [`  ${name}`, ...indented(text, indent)];
    const [first, ...rest] = wrap(text, indent);
    return [`  ${name.padEnd(column)}  ${first}`, ...rest.map((line) => " ".repeat(indent) + line)];
  });
}

const indented = (text: string, indent = 2): string[] => wrap(text, indent).map((line) => " ".repeat(indent) + line);

/** The text in lines that fit into the terminal beside `indent` blanks. */
function wrap(text: string, indent = 0): string[] {
  const room = Math.max(20, width() - indent);
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > room) {
        lines.push(line);
        line = "";
      }
      line = line === "" ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}
