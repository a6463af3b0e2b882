/** What to try first: pictures with questions that the served model can answer, and words to draw. */
import { make } from "./elements.js";

const about = (question, name, alt) => ({ kind: "question", question, name, alt });
/** vqrae-tiny-vlm names things and answers yes or no; of what is on a table it knows little. */
const EASY = [
  about("What animal is this?", "cat.jpg", "A cat"),
  about("Is there a cup?", "coffee.jpg", "A cup of coffee"),
  about("Is there a person?", "cat.jpg", "A cat"),
];
const PHOTOS = [
  about("What animal is this?", "cat.jpg", "A cat"),
  about("What is on the table?", "coffee.jpg", "A cup of coffee"),
  about("Describe this picture in one sentence.", "cat.jpg", "A cat"),
];
const DRAWING = { kind: "drawing", question: "a red triangle" };

const fileOf = async (name) => {
  const blob = await (await fetch(`samples/${name}`)).blob();
  return new File([blob], name, { type: blob.type });
};

/** @param {(sample: { kind: string, question: string, image?: File }) => void} onChoice */
export function showSamples(model, canDraw, onChoice) {
  const questions = model === undefined ? [] : model === "vqrae-tiny-vlm" ? EASY : PHOTOS;
  const samples = [...questions, ...(canDraw ? [DRAWING] : [])];
  document.querySelector("#samples").replaceChildren(
    ...samples.map(({ kind, question, name, alt }) => {
      const picture = name ? [make("img", { src: `samples/${name}`, alt: `${alt}:` })] : [];
      const words = make("span", { textContent: kind === "drawing" ? `Draw: ${question}` : question });
      const button = make("button", { type: "button", className: "sample" }, ...picture, words);
      button.addEventListener("click", async () => {
        onChoice({ kind, question, ...(name && { image: await fileOf(name) }) });
      });
      return make("li", {}, button);
    }),
  );
}
