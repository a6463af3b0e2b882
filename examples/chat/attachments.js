/** Images that wait to be sent: pasted, dropped or chosen. */

const list = document.querySelector("#attached");
const input = document.querySelector("#file");
const text = document.querySelector("#text");
let urls = [];

function show() {
  list.replaceChildren(
    ...urls.map((url, i) => {
      const item = document.createElement("li");
      const image = document.createElement("img");
      image.src = url;
      image.alt = `Image ${i + 1}`;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `Remove image ${i + 1}`);
      remove.addEventListener("click", () => {
        urls = urls.filter((_, other) => other !== i);
        show();
        text.focus();
      });
      item.append(image, remove);
      return item;
    }),
  );
}

const dataUrl = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });

const imagesIn = (files) => [...(files ?? [])].filter(({ type }) => type.startsWith("image/"));

async function attach(files) {
  urls.push(...(await Promise.all(files.map(dataUrl))));
  show();
  text.focus();
}

/** Takes what is there, as data: URLs. */
export function takeImages() {
  const taken = urls;
  urls = [];
  show();
  return taken;
}

input.addEventListener("change", async () => {
  await attach(imagesIn(input.files));
  input.value = "";
});
document.addEventListener("paste", (event) => {
  const files = imagesIn(event.clipboardData?.files);
  if (files.length === 0) return;
  event.preventDefault();
  attach(files);
});
const dragsFiles = (event) => event.dataTransfer?.types.includes("Files");
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
  attach(imagesIn(event.dataTransfer.files));
});
