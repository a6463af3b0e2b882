import { createContext, Script } from "node:vm";
import { Tokenizer } from "@huggingface/tokenizers";
import { expectedBut, isObject } from "../sdk/kit.ts";

type Parts = ConstructorParameters<typeof Tokenizer>;

/** A long prompt takes a second. A pattern that goes back and forth over a short text would take years. */
const TIME_LIMIT_MS = 5000;

/** A checkpoint's `tokenizer.json`, whose patterns are regular expressions of whoever made it. */
export class HfTokenizer {
  readonly #file: string;
  readonly #tokenizer: Tokenizer;

  /**
   * @param json tokenizer.json
   * @param config tokenizer_config.json
   * @param file for messages
   * @throws INVALID_CONFIG for a damaged one
   */
  constructor(json: object, config: object, file: string) {
    this.#file = file;
    const { normalizer, pre_tokenizer: preTokenizer, decoder } = json as Readonly<Record<string, unknown>>;
    requirePatterns([normalizer, preTokenizer, decoder], file);
    this.#tokenizer = this.#within(() => new Tokenizer(json as Parts[0], config as Parts[1]));
  }

  /**
   * The ids of a text.
   * @param addsSpecial whether the tokens that begin and end a text come with it
   * @throws INVALID_CONFIG where the tokenizer fails at it, or takes more than five seconds
   */
  encode(text: string, addsSpecial: boolean): number[] {
    return this.#within(() => this.#tokenizer.encode(text, { add_special_tokens: addsSpecial }).ids);
  }

  #within<T>(work: () => T): T {
    try {
      return inTime(work);
    } catch (cause) {
      const why = isObject(cause) && cause.code === "ERR_SCRIPT_EXECUTION_TIMEOUT" ? SLOW : messageOf(cause);
      throw expectedBut("INVALID_CONFIG", "a tokenizer", this.#file, why, {
        path: this.#file,
        mend: "Download it again.",
        cause,
      });
    }
  }
}

const SLOW = `one that takes more than ${TIME_LIMIT_MS / 1000} s for a text`;
const messageOf = (cause: unknown): string =>
  cause instanceof Error ? `another file: ${cause.message}` : "another file";

const scope: { work: (() => unknown) | null } = { work: null };
const context = createContext(scope);
const run = new Script("work()");

/** Only `node:vm` ends what runs on this thread; it ends regular expressions too. */
function inTime<T>(work: () => T): T {
  const before = scope.work;
  scope.work = work;
  try {
    return run.runInContext(context, { timeout: TIME_LIMIT_MS }) as T;
  } finally {
    scope.work = before;
  }
}

/** The library writes to the console for a pattern of another form, and fails at a text later. */
function requirePatterns(steps: readonly unknown[], file: string): void {
  const left: unknown[] = [...steps];
  for (let one = left.pop(); left.length > 0 || one !== undefined; one = left.pop()) {
    if (!isObject(one) && !Array.isArray(one)) continue;
    left.push(...Object.values(one));
    if (!isObject(one) || (one.type !== "Split" && one.type !== "Replace")) continue;
    const { pattern } = one;
    if (isObject(pattern) && (typeof pattern.Regex === "string" || typeof pattern.String === "string")) continue;
    throw expectedBut("INVALID_CONFIG", "a pattern, Regex or String,", `a ${one.type} of ${file}`, "another", {
      path: file,
      mend: "Download it again.",
    });
  }
}
