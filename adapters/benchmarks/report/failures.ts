import { encodePng, type RgbImage, readImage, resize } from "../../../sdk/index.ts";
import type { Judged, Question } from "../benchmark.ts";
import { textSeed } from "../kit/index.ts";

/** Wrong answers of a report: enough to see what goes wrong, and not too large a page. */
const MOST = 48;
const THUMBNAIL_SIDE = 160;

/** A wrong answer, with its images for a page. */
export interface Failure {
  readonly id: string;
  readonly at: string;
  readonly text: string;
  readonly options: readonly string[];
  readonly answers: readonly string[];
  readonly answer: string;
  readonly parsed: string | null;
  readonly category: string;
  /** data: URLs of PNG files. */
  readonly images: readonly string[];
}

/** A sample of the wrong answers, the same in every run: those whose ids have the smallest hashes. */
export class Failures {
  readonly #kept: { readonly rank: number; readonly failure: Failure }[] = [];
  total = 0;

  get sample(): Failure[] {
    return this.#kept.map(({ failure }) => failure).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async consider(question: Question, judged: Judged, answer: string, images: readonly Uint8Array[]): Promise<void> {
    this.total++;
    const rank = textSeed(question.id);
    if (!this.#has(rank)) return;
    const failure = {
      id: question.id,
      at: question.at,
      text: question.text,
      options: question.options.map((option) => `${option.letter}. ${option.text}`),
      answers: [...new Set(question.answers)],
      answer,
      parsed: judged.parsed,
      category: Object.values(question.categories).join(" / "),
      images: await Promise.all(images.map(thumbnail)),
    };
    if (!this.#has(rank)) return;
    this.#kept.push({ rank, failure });
    this.#kept.sort((a, b) => a.rank - b.rank);
    this.#kept.length = Math.min(this.#kept.length, MOST);
  }

  #has(rank: number): boolean {
    const last = this.#kept.at(MOST - 1);
    return last === undefined || rank < last.rank;
  }
}

async function thumbnail(bytes: Uint8Array): Promise<string> {
  const image: RgbImage = await readImage(bytes);
  const scale = Math.min(1, THUMBNAIL_SIDE / Math.max(image.width, image.height));
  const scaled = (side: number) => Math.max(1, Math.round(side * scale));
  const small = scale < 1 ? resize(image, scaled(image.width), scaled(image.height), "bilinear") : image;
  return `data:image/png;base64,${Buffer.from(await encodePng(small)).toString("base64")}`;
}
