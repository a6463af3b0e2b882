import {
  type Experimental_ExtractionModelV4Answer as Answer,
  type Experimental_ExtractionModelV4CallOptions as CallOptions,
  type Experimental_ExtractionModelV4 as ExtractionModelV4,
  type Experimental_ExtractionModelV4Field as Field,
  InvalidArgumentError,
  InvalidResponseDataError,
  type Experimental_ExtractionModelV4Result as Result,
  type SharedV4Warning,
  type Experimental_ExtractionModelV4Source as Source,
} from "@ai-sdk/provider";
import * as z from "zod";
import { setFields } from "../../../sdk/kit.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmOptions, VlmPart } from "../../vision-language-model.ts";
import { toAiSdkError } from "../errors.ts";
import { toImage } from "../prompt.ts";
import { describeField, FIELD_TYPES, type FieldValue, schemaOf, valuesOf } from "./extraction-fields.ts";

const MOST_SAMPLES = 64;
const ownOptions = z.strictObject({
  samples: z.int("Expected a whole number").min(1).max(MOST_SAMPLES, `Expected at most ${MOST_SAMPLES}`).optional(),
  seed: z.int("Expected a whole number").optional(),
});

/** Typed values out of images and texts, by a vision language model; made by `VqraeProvider.extractionModel`. */
export class VqraeExtractionModel implements ExtractionModelV4 {
  readonly specificationVersion = "v4";
  readonly provider = "vqrae";
  readonly modelId: string;
  readonly supportedFieldTypes = FIELD_TYPES;
  readonly #load: () => Promise<VisionLanguageModel>;

  /** @internal */
  constructor(modelId: string, load: () => Promise<VisionLanguageModel>) {
    this.modelId = modelId;
    this.#load = load;
  }

  /**
   * The likeliest values, which a grammar keeps to their types. `source` is the text that has the value word for word,
   * or the file where the state is one file alone. The model's probabilities are not kept: with
   * `providerOptions.vqrae.samples` as many more answers are drawn at temperature 1, and `confidence` is the share that
   * has the same value, `pNull` the share that has none.
   * @throws InvalidArgumentError, InvalidPromptError, UnsupportedFunctionalityError; InvalidResponseDataError for an answer
   *   that `maxOutputTokens` cuts off
   */
  async doExtract(options: CallOptions): Promise<Result> {
    const { fields, state } = options;
    const warnings: SharedV4Warning[] = [];
    try {
      const { samples = 0, seed = 0 } = parseOwnOptions(options);
      if (options.reasoning !== undefined && !["provider-default", "none"].includes(options.reasoning)) {
        warnings.push({ type: "unsupported", feature: "reasoning" });
      }
      const model = await this.#load();
      const messages = messagesOf(options);
      const asked: VlmOptions = setFields({
        jsonSchema: schemaOf(fields),
        maxTokens: options.maxOutputTokens,
        onWarning: (details: string) => warnings.push({ type: "unsupported", feature: "fields", details }),
        signal: options.abortSignal,
      });
      const answers = [await model.chat(messages, asked)];
      for (let i = 0; i < samples; i++) {
        answers.push(await model.chat(messages, { ...asked, temperature: 1, seed: seed + i }));
      }
      const [found, ...drawn] = answers.map((answer) => this.#valuesOf(answer, fields));
      const entries = Object.entries(fields).map(([id, field]) => {
        const all = drawn.map((values) => values.get(id) ?? null);
        return [id, answerOf(field, found!.get(id) ?? null, all, state)] as const;
      });
      return {
        answers: Object.fromEntries(entries),
        usage: usageOf(answers),
        // Each answer warns of the same.
        warnings: warnings.filter((one, i) => warnings.findIndex((other) => same(one, other)) === i),
        response: { id: crypto.randomUUID(), timestamp: new Date(), modelId: this.modelId },
      };
    } catch (error) {
      throw toAiSdkError(error, state);
    }
  }

  #valuesOf({ text }: VlmAnswer, fields: Readonly<Record<string, Field>>): Map<string, FieldValue> {
    const values = valuesOf(text, fields);
    if (values !== null) return values;
    const message = "Expected a whole object from the model but received a part of one. Raise maxOutputTokens.";
    throw new InvalidResponseDataError({ data: text, message });
  }
}

function parseOwnOptions({ providerOptions: { vqrae = {} } = {} }: CallOptions): z.infer<typeof ownOptions> {
  const { success, data, error } = ownOptions.safeParse(vqrae);
  if (success) return data;
  const [issue] = error.issues;
  const message = `${issue?.message ?? "Expected another value"} for providerOptions.vqrae.${issue?.path.join(".")}.`;
  throw new InvalidArgumentError({ argument: "providerOptions.vqrae", message });
}

function messagesOf({ state, fields, referenceDate }: CallOptions): VlmMessage[] {
  const parts = state.map((part): VlmPart => {
    if (part.type === "text") return part.text;
    return part.type === "json" ? JSON.stringify(part.value) : toImage(part, "user");
  });
  const today = referenceDate === undefined ? "" : ` The date is ${referenceDate}.`;
  const list = Object.entries(fields).map(([id, field]) => describeField(id, field));
  const task = `\nFind these values in the above and answer in JSON, with null for what is not there.${today}\n`;
  return [{ role: "user", content: [...parts, `${task}${list.join("\n")}`] }];
}

function answerOf(field: Field, value: FieldValue, drawn: readonly FieldValue[], state: CallOptions["state"]): Answer {
  const share = (of: FieldValue) => drawn.filter((other) => same(of, other)).length / drawn.length;
  const chances = drawn.length === 0 ? {} : { confidence: share(value), pNull: share(null) };
  // The type of a value is its field's: `valuesOf` has checked it.
  if (field.type === "list") {
    const items = Array.isArray(value) ? value.map((item) => sourceOf(item, state)) : [];
    return { type: "list", value, ...chances, ...(items.length > 0 && { items }) } as Answer;
  }
  return { type: field.type, value, ...chances, ...(value !== null && sourceOf(value, state)) } as Answer;
}

/** Where a value stands word for word; else the only file, where there is nothing else that it could come from. */
function sourceOf(value: FieldValue, state: CallOptions["state"]): { readonly source?: Source } {
  const words = String(value);
  for (const [part, one] of state.entries()) {
    const start = one.type === "text" && words !== "" ? one.text.indexOf(words) : -1;
    if (start >= 0) return { source: { type: "text", part, start, end: start + words.length } };
  }
  return state.length === 1 && state[0]?.type === "file" ? { source: { type: "file", part: 0 } } : {};
}

function usageOf(answers: readonly VlmAnswer[]): NonNullable<Result["usage"]> {
  const sum = (counts: readonly (number | null)[]) =>
    counts.every((count) => count !== null) ? counts.reduce((total, count) => total + count, 0) : undefined;
  return setFields({
    inputTokens: sum(answers.map(({ promptTokens }) => promptTokens)),
    outputTokens: sum(answers.map(({ answerTokens }) => answerTokens)),
  });
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
