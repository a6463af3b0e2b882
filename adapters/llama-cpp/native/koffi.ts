import { expectedBut } from "../../../sdk/kit.ts";

export type Koffi = typeof import("koffi")["default"];
export type Library = ReturnType<Koffi["load"]>;
export type NativeFunction = ReturnType<Library["func"]>;

export type NativeType = Parameters<Koffi["out"]>[0];

export const bind = (library: Library, name: string, result: string, parameters: NativeType[]): NativeFunction =>
  library.func(name, result, parameters);

/** @throws MISSING_DEPENDENCY with the command that installs it */
export async function loadKoffi(): Promise<Koffi> {
  try {
    return (await import("koffi")).default;
  } catch (cause) {
    const received = `an import error on ${process.platform}-${process.arch}`;
    const mend = "Run `npm install koffi`.";
    throw expectedBut("MISSING_DEPENDENCY", "the package koffi", "llama.cpp in this process", received, {
      mend,
      cause,
    });
  }
}
