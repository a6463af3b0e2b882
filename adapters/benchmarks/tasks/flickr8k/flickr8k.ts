import { basename, dirname, join } from "node:path";
import { expectedBut } from "../../../../sdk/kit.ts";
import type { Answers, Profile, Question, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import { captionScores, fileImage, findFile, judgeCaption, readText } from "../../kit/index.ts";

const PROMPT = "Provide a one-sentence caption for the provided image.";

const official: Profile = {
  protocol: {
    prompt: `"${PROMPT}" (lmms-eval's for Flickr30k)`,
    parser: "Penn Treebank tokens in lower case without punctuation",
    formula: "coco-caption's CIDEr (CIDEr-D) and BLEU, times 100, against all captions of an image",
    source: "pycocoevalcap ad63453; lmms-eval 75571cf: lmms_eval/tasks/flickr30k/utils.py has the same scorers",
  },
  maxTokens: 64,
  prompt: () => PROMPT,
  judge: judgeCaption,
  score: captionScores,
};

interface Line {
  readonly image: string;
  readonly caption: string;
  readonly at: string;
}

/** `image TAB caption`, or `image#number TAB caption` as the authors write it; an image's captions need not be together. */
async function captionsByImage(file: string): Promise<Map<string, Line[]>> {
  const all = new Map<string, Line[]>();
  for (const [i, line] of (await readText(file)).split(/\r?\n/).entries()) {
    if (line === "") continue;
    const at = `${basename(file)}, line ${i + 1}`;
    const [name = "", caption = "", ...more] = line.split("\t");
    const image = name.replace(/#\d+$/, "");
    if (image === "" || caption.trim() === "" || more.length > 0) {
      throw expectedBut("INVALID_DATA", "an image's name, a tab and a caption", at, JSON.stringify(line.slice(0, 80)));
    }
    all.set(image, [...(all.get(image) ?? []), { image, caption, at }]);
  }
  return all;
}

function question([first, ...others]: readonly Line[], folder: string): Question[] {
  if (!first) return [];
  const answers: Answers = [first.caption, ...others.map(({ caption }) => caption)];
  const images = [fileImage(join(folder, first.image))];
  return [{ id: first.image, at: first.at, text: PROMPT, images, answers, options: [], categories: {} }];
}

/** A list of captions per split, without a header; images/ beside it or in `images`. */
const tsv: QuestionReader = async function* ({ path, images }) {
  const file = await findFile(path, /\.tsv$/, "one table of images and captions (.tsv)");
  const folder = images ?? join(dirname(file), "images");
  for (const lines of (await captionsByImage(file)).values()) yield* question(lines, folder);
};

/** Flickr8k.token.txt and a split's list of images; Flicker8k_Dataset/ (so spelt) beside them or in `images`. */
const text: QuestionReader = async function* ({ path, images }) {
  const list = await findFile(path, /Flickr_8k\.testImages\.txt$/, "Flickr_8k.testImages.txt");
  const file = join(dirname(list), "Flickr8k.token.txt");
  const captions = await captionsByImage(file);
  const folder = images ?? join(dirname(list), "Flicker8k_Dataset");
  for (const name of (await readText(list)).split(/\r?\n/).filter(Boolean)) {
    const lines = captions.get(name);
    if (!lines) throw expectedBut("INVALID_DATA", `captions of ${name}`, file, "none");
    yield* question(lines, folder);
  }
};

export const flickr8k = defineBenchmark({
  name: "flickr8k",
  title: "Flickr8k",
  about:
    "Flickr8k, a sentence about each of 1,000 photos: Flickr_8k.testImages.txt (or another split's list) beside Flickr8k.token.txt, or a table (.tsv) of image and caption",
  data: { tsv, official: text },
  profiles: { official },
});
