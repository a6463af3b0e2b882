import type { Group, Judged, Profile, Question } from "../benchmark.ts";
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
  /** Images that cannot be read. */
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

  #keep({ id, answers, categories }: Question, judgement: ReturnType<Profile["judge"]>): Judged {
    const judged = { id, answers, categories, ...judgement };
    this.#byId.set(id, judged);
    return judged;
  }

  groups(): Group[] {
    const groups = new Map<string, Judged[]>();
    for (const id of this.#survey.ids) {
      const name = this.#survey.groups.get(id)!;
      const group = groups.get(name);
      if (group) group.push(this.#byId.get(id)!);
      else groups.set(name, [this.#byId.get(id)!]);
    }
    return [...groups.values()];
  }
}
