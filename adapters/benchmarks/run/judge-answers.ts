import { expectedBut } from "../../../sdk/kit.ts";
import type { Group, Judged, Judgement, Profile, Question } from "../benchmark.ts";
import { groupInOrder } from "../kit/index.ts";
import type { Survey } from "./survey.ts";

/** A question that the model was not asked, or did not answer; it counts as wrong. */
export interface Unanswered {
  readonly id: string;
  readonly at: string;
  readonly reason: string;
}

/** What every answer is worth, in the order of the questions. */
export class Judgements {
  readonly #profile: Profile;
  readonly #survey: Survey;
  readonly #byId = new Map<string, Judged>();
  /** Questions whose image cannot be read. */
  readonly undecodable: Unanswered[] = [];
  /** Questions on which the model failed. */
  readonly failed: Unanswered[] = [];

  constructor(profile: Profile, survey: Survey) {
    this.#profile = profile;
    this.#survey = survey;
  }

  answered(question: Question, answer: string): Judged {
    return this.#keep(question, this.#profile.judge(question, answer));
  }

  unanswered(question: Question, list: Unanswered[], error: Error): void {
    list.push({ id: question.id, at: question.images[0]?.at ?? question.at, reason: error.message });
    this.#keep(question, { parsed: null, score: 0 });
  }

  /** @throws INVALID_DATA if no question was answered: a score of 0 would be none of the model */
  requireAnswers(path: string): void {
    const [first] = [...this.undecodable, ...this.failed];
    const unanswered = this.undecodable.length + this.failed.length;
    if (first === undefined || unanswered < this.#survey.size) return;
    const counts = [
      ...(this.undecodable.length > 0 ? [`${this.undecodable.length} with images that cannot be read`] : []),
      ...(this.failed.length > 0 ? [`${this.failed.length} on which the model failed`] : []),
    ];
    const received = `none of ${unanswered}: ${counts.join(", ")}. The first is ${first.id}: ${first.reason}`;
    throw expectedBut("INVALID_DATA", "an answered question", path, received.replace(/\.$/, ""), { path });
  }

  #keep({ id, answers, categories }: Question, judgement: Judgement): Judged {
    const judged = { id, answers, categories, ...judgement };
    this.#byId.set(id, judged);
    return judged;
  }

  /** @throws INVALID_DATA for a question that was there when the files were first read, and not again */
  groups(): Group[] {
    const all = [...this.#survey.keys()].map((id) => {
      const judged = this.#byId.get(id);
      if (judged) return judged;
      throw expectedBut("INVALID_DATA", "the same questions when they are read again", `question ${id}`, "none");
    });
    return [...groupInOrder(all, ({ id }) => this.#survey.get(id)).values()];
  }
}
