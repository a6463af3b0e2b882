import type { Llama, LlamaGrammar } from "node-llama-cpp";
import { expectedBut } from "../../../sdk/kit.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";
import { requireNoAmbiguity } from "./ambiguity.ts";
import { grammarText } from "./grammar-text.ts";
import { withOptionalRecursion } from "./optional-recursion.ts";
import { requireExtent } from "./schema-extent.ts";
import { understoodSchema } from "./understood-schema.ts";

/** What stands before and after the JSON. */
export interface Frame {
  readonly prefix: string;
  readonly suffix: string;
  /** What stands between one JSON and the next; null for one alone. */
  readonly between: string | null;
}

/** Values of JSON between the two texts of a frame. */
const MOST_FRAMED = 16;

/** Grammars that are kept: clients send the same schema with each request. */
const KEPT = 16;

/** The grammars of JSON schemas, the last ones kept. */
export class JsonGrammars {
  readonly #llama: Llama;
  /** By their schema, the longest unused first. */
  readonly #kept = new Map<string, LlamaGrammar>();

  constructor(llama: Llama) {
    this.#llama = llama;
  }

  /**
   * The grammar of a JSON schema. Every answer that it allows is valid by the schema. It writes properties that are not
   * required too, but for those that lead to themselves again.
   * @param frame what an answer has around the JSON, and nothing behind it
   * @param onWarning called with each keyword that a grammar cannot keep to, which is left out then
   * @throws UNSUPPORTED for such a keyword where there is no `onWarning`, and for a schema that is too large when each
   *   reference is replaced by what it stands for; INVALID_ARGUMENT for what is no schema; the signal's reason
   */
  async grammar(
    schema: object,
    signal: AbortSignal,
    onWarning?: (warning: string) => void,
    frame?: Frame,
  ): Promise<LlamaGrammar> {
    const given = understoodSchema(schema, onWarning);
    requireExtent(given);
    const understood = withOptionalRecursion(given);
    requireNoAmbiguity(understood);
    const key = JSON.stringify([understood, frame]);
    const grammar = this.#kept.get(key) ?? (await this.#make(understood, signal, frame));
    this.#kept.delete(key);
    this.#kept.set(key, grammar);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return grammar;
  }

  async #make(schema: object, signal: AbortSignal, frame: Frame | undefined): Promise<LlamaGrammar> {
    const grammar = await grammarText(schema, signal);
    const { LlamaText } = await loadNodeLlamaCpp();
    try {
      if (frame !== undefined) return await this.#llama.createGrammar({ grammar: framed(grammar, frame) });
      // What `createGrammarForJsonSchema` gives its grammar: models may go on with empty lines.
      const stopGenerationTriggers = [LlamaText("\n".repeat(4))];
      return await this.#llama.createGrammar({ grammar, stopGenerationTriggers, trimWhitespaceSuffix: true });
    } catch (cause) {
      const received = `one that makes no grammar (${cause instanceof Error ? cause.message : cause})`;
      throw expectedBut("INVALID_ARGUMENT", "a JSON schema", "the option jsonSchema", received, { cause });
    }
  }
}

/** node-llama-cpp's root, which ends with the empty lines at which it stops. */
const ROOT = /^root ::= (.*) "\\n\\n\\n\\n" \[\\n\]\*$/m;

/** The same between two texts; behind the second only the answer's end is left. */
function framed(grammar: string, { prefix, suffix, between }: Frame): string {
  const [rule, json] = ROOT.exec(grammar) ?? [];
  if (rule === undefined) throw expectedBut("RUNTIME", "a root of JSON", "node-llama-cpp's grammar", "another");
  // JSON escapes as GBNF does.
  const texts = [prefix, between ?? "", suffix].map((text) => JSON.stringify(text));
  const more = between === null ? "" : `(${texts[1]} framed){0,${MOST_FRAMED - 1}}`;
  const root = `root ::= ${texts[0]} framed ${more} ${texts[2]}\nframed ::= ${json}`;
  return grammar.replace(rule, () => root);
}
