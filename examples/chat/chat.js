/** The conversation: what is asked, answered and drawn. */
import { drawImage, modelsOf, streamChat } from "./api.js";
import { takeImages } from "./attachments.js";
import { showTokens } from "./token-grid.js";

const [conversation, hint, form, text, model] = ["#conversation", "#hint", "#composer", "#text", "#model"].map((name) =>
  document.querySelector(name),
);
const [send, draw, stop] = ["#send", "#draw", "#stop"].map((name) => document.querySelector(name));
/** What the model is sent: OpenAI's messages. */
let messages = [];
let running = null;
let canShowTokens = false;

/** Adds a message to the page; images come with a way to see their tokens. */
function show(role, content = "", images = []) {
  hint.hidden = true;
  const item = document.createElement("li");
  item.className = `message ${role}`;
  for (const image of images) item.append(figure(image));
  item.append(content);
  conversation.append(item);
  item.scrollIntoView({ block: "end" });
  return item;
}

function figure({ url, alt, caption }) {
  const element = document.createElement("figure");
  const image = document.createElement("img");
  image.src = url;
  image.alt = alt;
  const line = document.createElement("figcaption");
  if (caption) line.append(caption);
  if (canShowTokens) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Tokens";
    button.setAttribute("aria-label", `Tokens of ${alt}`);
    button.addEventListener("click", () => showTokens(url));
    line.append(button);
  }
  element.append(image, line);
  return element;
}

/** Runs `work` with the buttons set for it; what goes wrong is shown in the conversation. */
async function run(work) {
  running = new AbortController();
  send.hidden = true;
  stop.hidden = false;
  draw.disabled = true;
  try {
    await work(running.signal);
  } catch (error) {
    if (!running.signal.aborted) show("error", error.message).setAttribute("role", "alert");
  } finally {
    running = null;
    send.hidden = false;
    stop.hidden = true;
    draw.disabled = false;
    text.focus();
  }
}

async function ask() {
  const question = text.value.trim();
  if (question === "" || running) return;
  const urls = takeImages();
  text.value = "";
  show(
    "user",
    question,
    urls.map((url, i) => ({ url, alt: `your image ${i + 1}` })),
  );
  const images = urls.map((url) => ({ type: "image_url", image_url: { url } }));
  const asked = { role: "user", content: [...images, { type: "text", text: question }] };
  await run(async (signal) => {
    const item = show("assistant");
    item.classList.add("waiting");
    let answer = "";
    try {
      for await (const piece of streamChat(model.value, [...messages, asked], signal)) {
        answer += piece;
        item.textContent = answer;
        item.scrollIntoView({ block: "end" });
      }
    } finally {
      item.classList.remove("waiting");
      if (answer === "") item.remove();
      else messages = [...messages, asked, { role: "assistant", content: answer }];
    }
  });
}

async function drawPicture() {
  const prompt = text.value.trim();
  if (prompt === "" || running) return;
  text.value = "";
  show("user", `Draw: ${prompt}`);
  await run(async (signal) => {
    const item = show("assistant");
    item.classList.add("waiting");
    try {
      const { url, seed } = await drawImage(prompt, signal);
      item.append(figure({ url, alt: `the picture of ${prompt}`, caption: `seed ${seed}` }));
      item.scrollIntoView({ block: "end" });
    } finally {
      item.classList.remove("waiting");
      if (item.childElementCount === 0) item.remove();
    }
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  ask();
});
draw.addEventListener("click", drawPicture);
stop.addEventListener("click", () => running?.abort());
document.querySelector("#new").addEventListener("click", () => {
  running?.abort();
  messages = [];
  conversation.replaceChildren();
  hint.hidden = false;
  text.focus();
});

text.focus(); // before the wait: whoever has moved on by then keeps the focus
try {
  const chatModels = await modelsOf("/v1/chat/completions");
  model.replaceChildren(...chatModels.map((id) => new Option(id, id)));
  model.disabled = chatModels.length < 2;
  draw.hidden = (await modelsOf("/v1/images/generations")).length === 0;
  canShowTokens = (await modelsOf("/v1/vision/tokens")).length > 0;
} catch (error) {
  show("error", error.message).setAttribute("role", "alert");
}
