import { expectedBut } from "../../../sdk/kit.ts";

export type Koffi = typeof import("koffi")["default"];
export type Library = ReturnType<Koffi["load"]>;
export type NativeFunction = ReturnType<Library["func"]>;

export type NativeType = Parameters<Koffi["out"]>[0];

export const bind = (library: Library, name: string, result: string, parameters: NativeType[]): NativeFunction =>
  library.func(name, result, parameters);

const arrays = new Map<string, NativeType>();

/** An array type. koffi keeps each that is made until the process ends, so one for each use of it would be a leak. */
export function arrayType(koffi: Koffi, element: string, length: number, hint: "Array" | "Typed"): NativeType {
  const key = `${element} ${length} ${hint}`;
  const known = arrays.get(key) ?? koffi.array(element, length, hint);
  arrays.set(key, known);
  return known;
}

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
