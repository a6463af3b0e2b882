/** What went wrong, for programs; the message is for people. docs/errors.md says what to do about each. */
export type VqraeErrorCode =
  /** An argument has the wrong type, shape or range. */
  | "INVALID_ARGUMENT"
  /** The bytes are not a decodable image, or the image has no pixels. */
  | "INVALID_IMAGE"
  /** The image has more pixels than the limit allows. */
  | "IMAGE_TOO_LARGE"
  /** The checkpoint's folder or one of its files is missing or unreadable. */
  | "CHECKPOINT_NOT_FOUND"
  /** config.json or preprocessor_config.json does not validate. */
  | "INVALID_CONFIG"
  /** A weight file is damaged, or a tensor is missing or has the wrong shape. */
  | "INVALID_CHECKPOINT"
  /** The GGUF file is damaged, or is no GGUF file that is understood. */
  | "INVALID_GGUF"
  /** A data file, such as a benchmark's or a results folder's, is damaged or lacks a field; the message names file and line. */
  | "INVALID_DATA"
  /** Two parts do not belong together, such as a projector and an encoder of another width. */
  | "INCOMPATIBLE"
  /** The prompt, with its images, is longer than the language model's context. */
  | "CONTEXT_OVERFLOW"
  /** The model, the device or the server cannot do what was asked, such as ids from an encoder without a codebook. */
  | "UNSUPPORTED"
  /** A native dependency or execution provider could not be loaded. */
  | "MISSING_DEPENDENCY"
  /** The system refuses to read or write a file: the disk is full, the folder read-only; `path` says which. */
  | "IO_ERROR"
  /** The output is there already, and nothing said that it may be replaced; `path` says which. */
  | "ALREADY_EXISTS"
  /** No server answers at the address. */
  | "SERVER_UNREACHABLE"
  /** The server answered with an error, or with something that is not understood. */
  | "SERVER_ERROR"
  /** The object was used after `dispose`. */
  | "DISPOSED"
  /** The inference runtime failed, or gave numbers that are not finite. */
  | "RUNTIME";

const marker = Symbol.for("vqrae.error");

/** What a program may need besides the code. */
export interface VqraeErrorDetails {
  /** Which of many inputs is at fault, from 0. */
  readonly index?: number;
  /** The file or folder at fault. */
  readonly path?: string;
  readonly cause?: unknown;
}

/** The one error class of this package. `VqraeError.isInstance` also works across duplicate installs. */
export class VqraeError extends Error {
  override readonly name = "VqraeError";
  readonly code: VqraeErrorCode;
  /** Which of many inputs is at fault, from 0. */
  readonly index?: number;
  /** The file or folder at fault. */
  readonly path?: string;
  readonly [marker] = true;

  constructor(code: VqraeErrorCode, message: string, { index, path, cause }: VqraeErrorDetails = {}) {
    super(printable(message), cause === undefined ? undefined : { cause });
    this.code = code;
    if (index !== undefined) this.index = index;
    if (path !== undefined) this.path = path;
  }

  static isInstance(error: unknown): error is VqraeError {
    return typeof error === "object" && error !== null && marker in error && error[marker] === true;
  }

  /** The same error, about input `index` of many. */
  withIndex(index: number): VqraeError {
    const { code, message, path } = this;
    return new VqraeError(code, message, { index, ...(path !== undefined && { path }), cause: this });
  }

  /** The same error with one more sentence, such as what mends it. */
  withSentence(sentence: string): VqraeError {
    const { code, message, index, path } = this;
    const details = { ...(index !== undefined && { index }), ...(path !== undefined && { path }), cause: this };
    return new VqraeError(code, `${message} ${sentence}`, details);
  }

  /** The same error for input `index` of many, which `name` names in the message: "images[3]: Expected ...". */
  at(index: number, name: string): VqraeError {
    const { code, message, path } = this;
    return new VqraeError(code, `${name}[${index}]: ${message}`, {
      index,
      ...(path !== undefined && { path }),
      cause: this,
    });
  }
}

/** What mends the error, in a sentence; or that and the error's details. */
type Mend = string | (VqraeErrorDetails & { readonly mend?: string | undefined }) | undefined;

/**
 * Builds the package's one message form, "Expected X for Y but received Z", from any value received, which is described
 * and quoted. `mend`: a sentence that says what to do.
 */
export function expected(
  code: VqraeErrorCode,
  what: string,
  subject: string,
  received: unknown,
  mend?: Mend,
): VqraeError {
  return expectedBut(code, what, subject, describe(received), mend);
}

/** The same with words for what was received, which are printed as they are: "none", "a file of 12 bytes". */
export function expectedBut(
  code: VqraeErrorCode,
  what: string,
  subject: string,
  words: string,
  mend?: Mend,
): VqraeError {
  const { mend: sentence, ...details } = typeof mend === "string" ? { mend } : (mend ?? {});
  const message = `Expected ${what} for ${subject} but received ${words}.${sentence ? ` ${sentence}` : ""}`;
  return new VqraeError(code, message, details);
}

/** A text without control characters but for line ends and tabs: names of files and tensors are somebody else's. */
export const printable = (text: string): string =>
  text.replaceAll(/[^\P{Cc}\n\t]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** Lists inside lists that a description shows. */
const MAX_DEPTH = 3;

/** A short, safe description of any value. */
export function describe(value: unknown, depth = 0): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (Array.isArray(value)) {
    if (depth === MAX_DEPTH) return "[...]"; // a JSON file may nest lists without end
    const shown = value
      .slice(0, 8)
      .map((item) => describe(item, depth + 1))
      .join(", ");
    return `[${shown}${value.length > 8 ? ", ..." : ""}]`;
  }
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  return typeof value === "object" ? `an object of type ${value.constructor?.name ?? "Object"}` : `a ${typeof value}`;
}

/**
 * A value that the program's own logic puts there.
 * @throws RUNTIME naming it, where it is missing all the same: a fault of this package
 */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value !== null && value !== undefined) return value;
  throw expectedBut("RUNTIME", what, "this step", "nothing", "This is a fault of vqrae: please report it.");
}
