import type { Option, Question } from "../../../adapters/benchmarks/index.ts";
import { seededRandom } from "../../../sdk/kit.ts";

/** A question without its images, and what a model is made to answer. */
export interface Case {
  readonly question: Omit<Question, "images">;
  /** How many images a prompt that places them gets. */
  readonly images?: number;
  readonly prediction: string;
}

/** What <benchmark>/cases.ts exports: the i-th question and its answer; what it leaves out is filled in. */
export type MakeCase = (
  make: CaseMaker,
  i: number,
) => Omit<Case, "question"> & { readonly question: Pick<Question, "answers"> & Partial<Omit<Question, "images">> };

/** A multiple-choice question of at most so many options. */
export const choiceCase =
  (most: number): MakeCase =>
  (make) => {
    const options = make.options().slice(0, most);
    const { letter } = make.pick(options);
    return { question: { answers: [letter], options }, prediction: make.choice(options) };
  };

/** Answers as models give them, and such as only a fuzzer gives; the same for a seed on every machine. */
export class CaseMaker {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  number(below: number): number {
    return Math.floor(this.#random() * below);
  }

  /** Changes that should not, or should, matter: case, spaces, punctuation. */
  noise(text: string): string {
    const changes: readonly ((text: string) => string)[] = [
      (t) => t,
      (t) => t,
      (t) => t.toLowerCase(),
      (t) => t.toUpperCase(),
      (t) => `${t}.`,
      (t) => ` ${t} `,
      (t) => `${t}\n`,
      (t) => `${t}\u00a0`,
      (t) => `"${t}"`,
      (t) => `${t}, I think`,
      (t) => `**${t}**`,
      (t) => t.replace(" ", "  "),
      (t) => t.replaceAll("e", "é"),
      (t) => `${t}!?`,
      (t) => `\t${t}\x1c`,
    ];
    return this.pick(changes)(text);
  }

  words(count: number): string {
    return Array.from({ length: count }, () => this.pick(WORDS)).join(" ");
  }

  options(): Option[] {
    const count = 2 + this.number(4);
    const texts = new Set<string>();
    while (texts.size < count) texts.add(this.chance(0.2) ? String(this.number(100)) : this.words(1 + this.number(3)));
    return [...texts].map((text, i) => ({ letter: "ABCDEF"[i]!, text }));
  }

  /** An answer to a multiple-choice question. */
  choice(options: readonly Option[]): string {
    const { letter, text } = this.pick(options);
    const other = this.pick(options);
    const forms = [
      letter,
      letter,
      `${letter}.`,
      `(${letter})`,
      `${letter})`,
      `: ${letter}`,
      `:${letter}`,
      `${letter}: ${text}`,
      `${letter}. ${text}`,
      text,
      `The answer is ${letter}`,
      `The correct answer is **${letter}**. Here's why: ${this.words(8)}`,
      `I think that it is ${text}, ${this.words(4)}`,
      `${letter} or ${other.letter}`,
      `Either ${letter} or ${other.letter} , so ${other.letter} it is`,
      `(${letter}) or (${other.letter})`,
      `A ${text}`,
      `A ${this.words(6)}`,
      `It is a ${text}`,
      `${text} and ${other.text}`,
      letter.toLowerCase(),
      "Z",
      "",
      "DNA test",
      "banana",
      "I choose option E",
      `答案是${letter}`,
      `I'm sorry, but without the image provided I cannot answer`,
      `${this.words(3)} ${letter}`,
      `${letter} ${this.words(7)}`,
      `Answer: ${letter}`,
      `Option ${letter};`,
      `${letter},${other.letter}`,
    ];
    return this.chance(0.5) ? this.pick(forms) : this.noise(this.pick(forms));
  }

  question(): string {
    return this.pick([
      "Which is it?",
      `what ${this.words(2)}?`,
      `Is it ${this.words(1)}? Please answer yes or no.`,
      `  ${this.words(3)}\n${this.words(2)} `,
      "Was ist ÜBER dem Haus?",
      "哪一个?",
      "<image 1> What is it?",
    ]);
  }

  yesNo(): string {
    const forms = [
      "yes",
      "no",
      "Yes",
      "No",
      "Yes.",
      "No.",
      "NO",
      "Nope",
      "y",
      "n",
      "Y.",
      "no\n",
      "Yes, there is.",
      "No, there is not.",
      "There is no dog. Yes.",
      "I do not know",
      "yes/no",
      "Yes and no",
      "It is not.",
      "Not at all",
      "ye.s",
      "no,yes",
      "know",
      "",
      "maybe",
      "The answer is yes",
      "yes yes",
      "否",
    ];
    return this.chance(0.5) ? this.pick(forms) : this.noise(this.pick(forms));
  }

  shortAnswer(): string {
    const value = this.number(2000);
    const forms = [
      this.words(1),
      this.words(2),
      `the ${this.words(1)}`,
      `a ${this.words(1)}`,
      this.pick(NUMBERS),
      String(value),
      `${value}.${this.number(100)}`,
      `1,${100 + this.number(900)}`,
      `$1,${100 + this.number(900)}.5`,
      `${this.words(1)}-${this.words(1)}`,
      `${this.words(1)}/${this.words(1)}`,
      "The Dog's.",
      "U.S.A.",
      "dont",
      "ten o'clock",
      "12:30",
      "5.",
      ".5",
      "a.b.c",
      "....................................",
      `${this.words(1)}, ${this.words(1)}`,
      `(${this.words(1)})`,
      "None",
      "A",
      "",
      "50 %",
      "youve",
      "Coca-Cola",
      "٣,٤",
    ];
    return this.chance(0.6) ? this.pick(forms) : this.noise(this.pick(forms));
  }

  openAnswer(answer: string): string {
    const value = this.chance(0.5)
      ? answer
      : this.pick(["7", "1,234.5", "0.125", "2.675", "1e3", "red", "x", "-3", "nan"]);
    const forms = [
      value,
      `The answer is ${value}`,
      `x = ${value}`,
      `So the result is ${value}.`,
      `Total is 5. Therefore final is ${value}`,
      `It could be ${value} or 6`,
      `${value} units`,
      `thus ${value}\nfinal ${value}.`,
      `${this.words(4)} ${value} ${this.words(2)}`,
      `answer :`,
      `= ${value}`,
      `1,234,567 and -${value}`,
      `${value}e5 is 3.14.15`,
      "",
    ];
    return this.chance(0.6) ? this.pick(forms) : this.noise(this.pick(forms));
  }
}

const NUMBERS = ["none", "zero", "one", "Two", "three", "ten", "eleven"];
const WORDS = (
  "cat dog red dark blue green table Stop sign pizza man woman left right none these two birds a the an car's " +
  "house river phone 3 12 light answer is could be so final no yes not Paris café über"
).split(" ");
