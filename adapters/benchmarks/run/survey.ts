import { expectedBut } from "../../../sdk/kit.ts";
import type { Benchmark, Question } from "../benchmark.ts";

/** The group of every question that is asked, by the question's id, in the order of the questions. */
export type Survey = ReadonlyMap<string, string>;

/**
 * Reads all questions once, so that a wrong one is found before hours of work.
 * @param limit the first groups alone, until they have so many questions
 * @throws INVALID_DATA for what a reader finds, an id that comes twice, a group of another size, or no question at all
 */
export async function survey(
  { title, groupSize }: Benchmark,
  questions: AsyncIterable<Question>,
  limit: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Survey> {
  const places = new Map<string, string>();
  const groups = new Map<string, string>();
  const sizes = new Map<string, number>();
  for await (const { id, at, group = id } of questions) {
    signal?.throwIfAborted();
    const earlier = places.get(id);
    if (earlier !== undefined) {
      throw expectedBut("INVALID_DATA", "an id of its own", at, `${JSON.stringify(id)}, which ${earlier} has too`);
    }
    places.set(id, at);
    groups.set(id, group);
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  if (places.size === 0) throw expectedBut("INVALID_DATA", "questions", `the data of ${title}`, "none");
  for (const [id, group] of groups) {
    const size = sizes.get(group);
    if (groupSize !== undefined && size !== groupSize) {
      const subject = `${JSON.stringify(group)}, which ${places.get(id)} belongs to`;
      throw expectedBut("INVALID_DATA", `${groupSize} questions`, subject, `${size}`);
    }
  }
  const asked = new Set<string>();
  let questionsAsked = 0;
  for (const [group, size] of sizes) {
    if (limit !== undefined && questionsAsked >= limit) break;
    asked.add(group);
    questionsAsked += size;
  }
  return new Map([...groups].filter(([, group]) => asked.has(group)));
}
