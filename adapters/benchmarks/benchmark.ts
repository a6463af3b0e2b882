/** A benchmark: where its questions come from, and the protocols under which answers to them are scored. */
export interface Benchmark {
  /** As on the command line and in the names of results folders, such as "pope": letters, digits, ".", "_", "-". */
  readonly name: string;
  readonly title: string;
  /** What it is and where its files come from. */
  readonly about: string;
  /** Its files, as they are published; see `openQuestions`. */
  readonly data: BenchmarkData;
  /** Questions of each group, if every group has as many. */
  readonly groupSize?: number;
  /**
   * How harnesses ask and score, by a name such as "lmms-eval", "vlmevalkit" or "official"; the first is the default.
   */
  readonly profiles: Readonly<Record<string, Profile>>;
}

/** Readers of the formats that a benchmark is published in; each yields question after question and keeps none. */
export interface BenchmarkData {
  /** VLMEvalKit's tab-separated table, images in base64. */
  readonly tsv?: QuestionReader;
  /** Parquet files of the Hugging Face hub. */
  readonly parquet?: QuestionReader;
  /** The authors' own files, in a folder. */
  readonly official?: QuestionReader;
}

export type QuestionReader = (source: QuestionSource) => AsyncIterable<Question>;

export interface QuestionSource {
  /** A folder, or a file of the format. */
  readonly path: string;
  /** Folder of the images, if they do not lie beside the questions. */
  readonly images?: string | undefined;
}

/** One question, whatever file it was read from. */
export interface Question {
  /** Unique in the benchmark. */
  readonly id: string;
  /** File and line, for messages. */
  readonly at: string;
  readonly text: string;
  /** In the order in which the question names them. */
  readonly images: readonly QuestionImage[];
  readonly answers: Answers;
  /** The answer as the file writes it, if `answers` were read from a list in it. */
  readonly writtenAnswer?: string;
  /** Letter and text of each choice; empty for an open question. */
  readonly options: readonly Option[];
  readonly hint?: string | undefined;
  /** Words that an OCR system read in the image. */
  readonly ocrTokens?: readonly string[] | undefined;
  /** Questions that are scored as one, such as the two on an image of MME; by default each is by itself. */
  readonly group?: string;
  /** By what the score is broken down, such as { category: "color" }. */
  readonly categories: Readonly<Record<string, string>>;
}

/** What people answered: one answer, or several that are all right. */
export type Answers = readonly [string, ...string[]];

export interface Option {
  readonly letter: string;
  readonly text: string;
}

/** Read when it is needed, and not kept. */
export interface QuestionImage {
  /** File and line, or the image's own file. */
  readonly at: string;
  /** The encoded file. @throws INVALID_DATA if there is none; a run then lists the question and counts it as wrong */
  bytes(): Promise<Uint8Array>;
}

/**
 * How a harness asks, reads and scores. Two profiles give two numbers for the same answers: never compare across them.
 */
export interface Profile {
  /** In words, printed with every result; `source` names the repository and the files. */
  readonly protocol: Protocol;
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  /** What the user's message holds after the images. In a list a number stands for an image, and none is put before. */
  prompt(question: Question): string | readonly (string | number)[];
  /** Reads an answer. */
  judge(question: Question, answer: string): Judgement;
  /** The benchmark's figures, the headline first. */
  score(groups: readonly Group[]): Metrics;
}

export interface Protocol {
  readonly prompt: string;
  readonly parser: string;
  readonly formula: string;
  readonly source: string;
}

export interface Judgement {
  /** What the answer was taken to say; null if nothing could be read. */
  readonly parsed: string | null;
  /** 0 to 1. */
  readonly score: number;
  /** The harness draws a letter if it can read none. Here the question's id draws it: the same in every run. */
  readonly drawn?: boolean | undefined;
}

/** A question without its image, and what its answer was worth. */
export interface Judged extends Judgement {
  readonly id: string;
  readonly answers: Answers;
  readonly categories: Readonly<Record<string, string>>;
}

/** Questions that are scored as one. */
export type Group = readonly [Judged, ...Judged[]];

/** Name and value; percent unless the name says otherwise. */
export type Metrics = Readonly<Record<string, number>>;
