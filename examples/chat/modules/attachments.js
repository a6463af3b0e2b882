/** Images that wait to be sent: pasted, dropped or chosen. */
import { make } from "./elements.js";
import { pictureUrl } from "./pictures.js";

const list = document.querySelector("#attached");
const input = document.querySelector("#file");
const text = document.querySelector("#text");
const notice = document.querySelector("#notice");

/** Says what went wrong above the message, until the next thing is done. */
export function notify(message) {
  notice.textContent = message;
  notice.hidden = false;
}
export function clearNotice() {
  notice.textContent = "";
  notice.hidden = true;
}

export const attached = {
  /** data: URLs */
  urls: [],
  set(urls) {
    this.urls = [...urls];
    list.replaceChildren(...this.urls.map(item));
  },
  /** Takes what is there. */
  take() {
    const taken = this.urls;
    this.set([]);
    return taken;
  },
};

function item(url, i) {
  const remove = make("button", { type: "button", textContent: "×", "aria-label": `Remove image ${i + 1}` });
  remove.addEventListener("click", () => {
    attached.set(attached.urls.filter((_, other) => other !== i));
    text.focus();
  });
  return make("li", {}, make("img", { src: url, alt: `Image ${i + 1}` }), remove);
}

export async function attach(files) {
  clearNotice();
  const read = await Promise.allSettled(files.map(pictureUrl));
  attached.set([...attached.urls, ...read.filter(({ value }) => value).map(({ value }) => value)]);
  const wrong = read.filter(({ reason }) => reason).map(({ reason }) => reason.message);
  if (wrong.length > 0) notify(wrong.join(" "));
  text.focus();
}

input.addEventListener("change", async () => {
  await attach([...input.files]);
  input.value = "";
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length === 0) return;
  event.preventDefault();
  attach(files);
});
const dragsFiles = (event) => event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");
document.addEventListener("dragover", (event) => {
  if (!dragsFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  if (!dragsFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  attach([...event.dataTransfer.files]);
});
