import { type FileHandle, open, truncate } from "node:fs/promises";
import * as z from "zod";
import { expected, expectedBut, onDisk } from "../../../sdk/kit.ts";
import { parseJson } from "../kit/index.ts";
import { readIfThere } from "./read-if-there.ts";

const schema = z.strictObject({
  id: z.string(),
  answer: z.string(),
  finishReason: z.enum(["stop", "length"]),
  promptTokens: z.number().int().nonnegative().nullable(),
  answerTokens: z.number().int().nonnegative().nullable(),
});

/** A line of predictions.jsonl: what the model said, word for word. */
export type Prediction = z.infer<typeof schema>;

/** The answers of a run: a log that is on the disk up to the last answer. */
export class Predictions {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #known: Map<string, Prediction>;
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, known: Map<string, Prediction>) {
    this.#path = path;
    this.#file = file;
    this.#known = known;
  }

  /**
   * Opens a file for more answers. A last line that a killed run left unfinished is cut off.
   * @param asked ids that answers may have
   * @throws INVALID_DATA with the line, for one that is damaged, of another question, or of one that was answered
   *   before; IO_ERROR
   */
  static async open(path: string, asked: Pick<ReadonlySet<string>, "has">): Promise<Predictions> {
    const text = (await readIfThere(path)) ?? "";
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const known = readPredictions(path, whole, asked);
    if (whole.length < text.length) await onDisk(path, () => truncate(path, Buffer.byteLength(whole)));
    return new Predictions(path, await onDisk(path, () => open(path, "a")), known);
  }

  get(id: string): Prediction | undefined {
    return this.#known.get(id);
  }

  /** Resolves once the line is on the disk. @throws IO_ERROR */
  add(prediction: Prediction): Promise<void> {
    this.#known.set(prediction.id, prediction);
    this.#last = this.#last.then(() =>
      onDisk(this.#path, async () => {
        await this.#file.appendFile(`${JSON.stringify(prediction)}\n`);
        await this.#file.datasync();
      }),
    );
    return this.#last;
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#file.close();
  }
}

function readPredictions(path: string, text: string, asked: Pick<ReadonlySet<string>, "has">): Map<string, Prediction> {
  const known = new Map<string, Prediction>();
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    const at = `${path}, line ${i + 1}`;
    const result = schema.safeParse(parseJson(line, at));
    if (!result.success) {
      const [issue] = result.error.issues;
      const received = `${issue?.path.join(".") || "the line"}: ${issue?.message}`;
      throw expectedBut("INVALID_DATA", "an answer", at, received, "Delete the line: its question is asked again.");
    }
    const { id } = result.data;
    if (known.has(id)) throw expectedBut("INVALID_DATA", "one answer a question", at, `a second one for ${id}`);
    if (!asked.has(id)) {
      const mend = "Answers of another run lie in this folder: take another one.";
      throw expected("INVALID_DATA", "the id of a question of this run", at, id, mend);
    }
    known.set(id, result.data);
  }
  return known;
}
