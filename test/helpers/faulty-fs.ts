import type { FileHandle } from "node:fs/promises";
import { noteTried } from "./tried.ts";

type Fs = typeof import("node:fs/promises");

/** What fails: the `at`-th call of those that change or read a file below `folder`; with "kill" every one from there on. */
export interface Fault {
  readonly folder: string;
  readonly at: number;
  readonly code: "ENOSPC" | "EIO" | "kill";
}

/** Faults of a file system, as SQLite's tests make them: in a layer between the program and the disk. */
export const faults = {
  fault: null as Fault | null,
  /** A call reads or writes half of what was asked. */
  short: false,
  /** Calls so far. */
  calls: 0,
};

export function withFault(fault: Fault | null): void {
  faults.fault = fault;
  faults.calls = 0;
}

/**
 * Runs `work` in a folder with a fault at its first call, its second, and so on, until none is left to fail.
 * @param folderOf the same folder each time, or a new one
 * @param after is given what `work` threw, or null
 * @returns how many calls there were
 */
export async function atEachCall(
  code: Fault["code"],
  folderOf: () => string | Promise<string>,
  work: () => Promise<unknown>,
  after: (outcome: unknown, folder: string) => Promise<void>,
): Promise<number> {
  for (let at = 0; ; at++) {
    const folder = await folderOf();
    withFault({ folder, at, code });
    const outcome: unknown = await work().then(
      () => null,
      (error: unknown) => error,
    );
    const { calls } = faults;
    withFault(null);
    if (calls <= at) {
      noteTried(code === "kill" ? "a kill" : code, at);
      return at;
    }
    await after(outcome, folder);
  }
}

function step(path: unknown, operation: string): void {
  const { fault } = faults;
  if (fault === null || !String(path).startsWith(fault.folder)) return;
  const call = faults.calls++;
  if (fault.code === "kill" ? call < fault.at : call !== fault.at) return;
  const code = fault.code === "kill" ? "EKILLED" : fault.code;
  throw Object.assign(new Error(`${code}: a fault in ${operation}`), { code, syscall: operation, path });
}

function faultyHandle(handle: FileHandle, path: unknown): FileHandle {
  return new Proxy(handle, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (!["write", "writeFile", "sync", "truncate", "read", "readFile"].includes(String(name)))
        return value.bind(target);
      return async (...given: unknown[]) => {
        step(path, String(name));
        const long = (name === "read" || name === "write") && Number(given[2]) > 1;
        if (faults.short && long) given[2] = Math.ceil(Number(given[2]) / 2);
        return value.apply(target, given);
      };
    },
  });
}

/** For `vi.mock("node:fs/promises", async (original) => faultyFs(await original()))`. */
export function faultyFs(fs: Fs): Fs {
  const guard = <K extends "rename" | "link" | "rm" | "mkdir" | "copyFile">(name: K): Fs[K] => {
    const own: unknown = fs[name];
    return (async (...given: unknown[]) => {
      step(given[0], name);
      return typeof own === "function" ? own(...given) : undefined;
    }) as Fs[K];
  };
  const own = {
    ...fs,
    rename: guard("rename"),
    link: guard("link"),
    rm: guard("rm"),
    mkdir: guard("mkdir"),
    copyFile: guard("copyFile"),
    open: async (...given: Parameters<Fs["open"]>) => {
      step(given[0], "open");
      return faultyHandle(await fs.open(...given), given[0]);
    },
  };
  return { ...own, default: own } as Fs;
}
