import { type FileHandle, open, readFile, truncate } from "node:fs/promises";
import { z } from "zod";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { parseJson } from "../kit/readers/parse-json.ts";

const schema = z.strictObject({
  id: z.string(),
  answer: z.string(),
  finishReason: z.enum(["stop", "length"]),
  promptTokens: z.number().int().nonnegative().nullable(),
  answerTokens: z.number().int().nonnegative().nullable(),
});

/** A line of predictions.jsonl: what the model said, word for word. */
export type Prediction = z.infer<typeof schema>;

/** The answers of a run, on the disk as soon as they are there. */
export class Predictions {
  readonly #file: FileHandle;
  readonly #known: Map<string, Prediction>;
  #last: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, known: Map<string, Prediction>) {
    this.#file = file;
    this.#known = known;
  }

  /**
   * Opens a file for more answers. A last line that a killed run left unfinished is cut off.
   * @param asked ids that answers may have
   * @throws INVALID_DATA with the line, for one that is damaged, of another question, or of one that was answered before
   */
  static async open(path: string, asked: ReadonlySet<string>): Promise<Predictions> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const known = readPredictions(path, whole, asked);
    if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
    return new Predictions(await open(path, "a"), known);
  }

  get(id: string): Prediction | undefined {
    return this.#known.get(id);
  }

  /** Resolves once the line is on the disk. */
  add(prediction: Prediction): Promise<void> {
    this.#known.set(prediction.id, prediction);
    this.#last = this.#last.then(async () => {
      await this.#file.write(`${JSON.stringify(prediction)}\n`);
      await this.#file.datasync();
    });
    return this.#last;
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#file.close();
  }
}

function readPredictions(path: string, text: string, asked: ReadonlySet<string>): Map<string, Prediction> {
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
