import { describe, expectedBut } from "../../../sdk/kit.ts";
import type { GgufFile } from "../../gguf/index.ts";

/** Reads the metadata of a language model: keys below the name of its architecture. */
export class Metadata {
  readonly file: string;
  readonly architecture: string;
  readonly #gguf: GgufFile;

  constructor(gguf: GgufFile) {
    this.#gguf = gguf;
    this.file = gguf.file;
    this.architecture = String(gguf.metadata.get("general.architecture")?.value ?? "");
  }

  /** A number of the model; undefined where there is none. One of another type is refused by llama.cpp itself. */
  number(key: string): number | undefined {
    const value = this.#gguf.metadata.get(`${this.architecture}.${key}`)?.value;
    return typeof value === "number" ? value : undefined;
  }

  /** A number of each layer, or one for all. */
  numbers(key: string): readonly number[] {
    const value = this.#gguf.metadata.get(`${this.architecture}.${key}`)?.value;
    if (!Array.isArray(value)) return typeof value === "number" ? [value] : [];
    return value.map(Number);
  }

  text(key: string): string | undefined {
    const value = this.#gguf.metadata.get(`${this.architecture}.${key}`)?.value;
    return typeof value === "string" ? value : undefined;
  }

  /** @throws INVALID_GGUF where the key's value does not hold */
  require(holds: boolean, what: string, key: string, received: unknown): void {
    if (holds) return;
    throw damaged(this.file, what, `${this.architecture}.${key}`, describe(received));
  }
}

export const damaged = (file: string, what: string, subject: string, received: string) =>
  expectedBut("INVALID_GGUF", what, `${subject} of ${file}`, received, {
    path: file,
    mend: "llama.cpp would end the process. Convert or download the model again.",
  });
