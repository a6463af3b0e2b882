/** What went wrong, for programs; the message is for people. */
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
  /** The safetensors file is damaged, or a tensor is missing or has the wrong shape. */
  | "INVALID_CHECKPOINT"
  /** The GGUF file is damaged, or is no GGUF file that is understood. */
  | "INVALID_GGUF"
  /** The checkpoint cannot do what was asked, such as ids from an encoder without a codebook. */
  | "UNSUPPORTED"
  /** A native dependency or execution provider could not be loaded. */
  | "MISSING_DEPENDENCY"
  /** A data file, such as a benchmark's or a results folder's, is damaged or lacks a field; the message names file and line. */
  | "INVALID_DATA"
  /** No server answers at the address. */
  | "SERVER_UNREACHABLE"
  /** The server answered with an error, or with something that is not understood. */
  | "SERVER_ERROR"
  /** The object was used after `dispose`. */
  | "DISPOSED"
  /** The inference runtime failed, or gave numbers that are not finite. */
  | "RUNTIME";

const marker = Symbol.for("vqrae.error");

/** The one error class of this package. `VqraeError.isInstance` also works across duplicate installs. */
export class VqraeError extends Error {
  override readonly name = "VqraeError";
  readonly code: VqraeErrorCode;
  readonly [marker] = true;

  constructor(code: VqraeErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  static isInstance(error: unknown): error is VqraeError {
    return typeof error === "object" && error !== null && (error as Record<symbol, unknown>)[marker] === true;
  }
}

/** Builds the package's one message form: "Expected X for Y but received Z", with an optional mend. */
export function expected(
  code: VqraeErrorCode,
  what: string,
  subject: string,
  received: unknown,
  { mend, cause }: { mend?: string; cause?: unknown } = {},
): VqraeError {
  const message = `Expected ${what} for ${subject} but received ${describe(received)}.${mend ? ` ${mend}` : ""}`;
  return new VqraeError(code, message, cause === undefined ? undefined : { cause });
}

/** Lists inside lists that a description shows. */
const MAX_DEPTH = 3;

/** A short, safe description of any value; pass a `Description` to print words as they are. */
export function describe(value: unknown, depth = 0): string {
  if (value instanceof Description) return value.text;
  if (value === null || value === undefined) return String(value);
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

/** Words that `describe` prints unquoted, such as "a file of 12 bytes". */
export class Description {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Marks `text` to be printed as it is in an error message. */
export const words = (text: string): Description => new Description(text);
