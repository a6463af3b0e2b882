import { jsonLines } from "../../kit/index.ts";
import { onlyOnce } from "../only-once.ts";

/** Answers to each item's crops, by question, as they were given. */
export type SuppliedAnswers = ReadonlyMap<string, readonly ReadonlyMap<number, string>[]>;

/**
 * Answers that some model gave, from a file with a line for each: `{ "item_id": "partiprompts19", "crop": 0,
 * "proposition_id": 1, "answer": "yes" }`. Only "yes" itself is a yes, as in the reference.
 * @throws INVALID_DATA with file and line; IO_ERROR
 */
export async function readDpgAnswers(path: string): Promise<SuppliedAnswers> {
  const items = new Map<string, Map<number, string>[]>();
  const seen = new Map<string, string>();
  for await (const row of jsonLines(path)) {
    const [id, crop, question] = [row.id("item_id"), row.integer("crop"), row.integer("proposition_id")];
    if (crop < 0 || crop > 3) throw row.wrong("crop", "a whole number from 0 to 3");
    const answer = row.raw("answer");
    if (typeof answer !== "string") throw row.wrong("answer", "text");
    onlyOnce(seen, `${id}, crop ${crop}, question ${question}`, "answer", row.at);
    const crops = items.get(id) ?? Array.from({ length: 4 }, () => new Map<number, string>());
    crops[crop]?.set(question, answer);
    items.set(id, crops);
  }
  return items;
}
