import { pythonText } from "../../kit/index.ts";

/** Images whose places lmms-eval looks for; "<image 8>" stays text. */
const PLACE = /<image(?: [1-7])?>/;

/**
 * The parts of a message whose text names its images, as lmms-eval's chat models get them: the i-th image stands at the i-th place,
 * whatever number is written there. Images without a place come before the last text. If there are more places than images,
 * as where one is named twice, the text between the places that are left over is lost, as it is there.
 * Source: lmms-eval, lmms_eval/tasks/mmmu/utils.py, `mmmu_doc_to_messages`.
 *
 * @param count of the images
 * @returns texts, and numbers of images
 */
export function interleaved(text: string, count: number): (string | number)[] {
  const pieces = text.split(PLACE).map(pythonText.strip);
  const before = Array.from({ length: count }, (_, i) => {
    const piece = i < pieces.length - 1 ? (pieces[i] ?? "") : "";
    return piece === "" ? [i] : [piece, i];
  });
  return [...before.flat(), pieces.at(-1) ?? ""];
}
