/** The chat: what is asked, answered and drawn. */
import { drawImage, listModels, streamChat } from "./modules/api.js";
import { attach, attached, clearNotice, notify } from "./modules/attachments.js";
import { Conversation } from "./modules/conversation.js";
import { ExchangeView } from "./modules/exchange-view.js";
import { followTheEnd } from "./modules/follow.js";
import { showSamples } from "./modules/samples.js";
import { settings } from "./modules/settings.js";

const find = (id) => document.querySelector(`#${id}`);
const [list, welcome, form, text, editing] = ["conversation", "welcome", "composer", "text", "editing"].map(find);
const [model, modelName, send, draw, stop] = ["model", "model-name", "send", "draw", "stop"].map(find);

const conversation = new Conversation();
const follow = followTheEnd(document.querySelector("main"), list);
/** The view of each exchange, in order. */
let views = [];
/** Ends what is being answered or drawn; null while nothing is. */
let running = null;
/** The exchange whose question is being edited. */
let edited = null;
/** The id of a tokenizer that has ids; undefined where none is served. */
let tokenizer;
/** Whether the models and the kept chat are there. */
let ready = false;

function view(exchange) {
  const one = new ExchangeView(exchange, { tokenizer, edit, retry });
  views.push(one);
  list.append(...one.elements);
  welcome.hidden = true;
  return one;
}

/** Takes an exchange and what follows it off the page and out of the conversation. */
function cutFrom(exchange) {
  const at = views.findIndex((one) => one.exchange === exchange);
  if (at < 0) return;
  for (const { elements } of views.splice(at)) for (const element of elements) element.remove();
  conversation.cutFrom(exchange);
}

/** Answers an exchange, with the buttons set for it; what goes wrong is shown in its place. */
async function answer(exchange) {
  conversation.add(exchange);
  const shown = view(exchange);
  follow.now();
  running = new AbortController();
  document.body.classList.add("running");
  send.hidden = true;
  stop.hidden = false;
  draw.disabled = true;
  shown.wait();
  try {
    await (exchange.kind === "drawing" ? drawing : answering)(exchange, shown, running.signal);
  } catch (error) {
    if (!running.signal.aborted) exchange.error = error.message;
  } finally {
    running = null;
    shown.end();
    document.body.classList.remove("running");
    send.hidden = false;
    stop.hidden = true;
    draw.disabled = false;
    text.focus();
    await conversation.save();
  }
}

async function answering(exchange, shown, signal) {
  const messages = conversation.messages(exchange, settings.system);
  for await (const piece of streamChat({ model: model.value, messages, ...settings.sampling }, signal)) {
    exchange.answer += piece;
    shown.update();
  }
}

async function drawing(exchange, shown, signal) {
  for await (const { url, seed, share } of drawImage(exchange.text, signal)) {
    if (share === 1) exchange.picture = { url, seed };
    shown.preview(url, share);
  }
}

const newExchange = (kind, question, images = []) => ({
  id: `${Date.now()}-${Math.random()}`,
  kind,
  text: question,
  images,
  answer: "",
});

/** Sends what is written: as a question, or as what to draw. */
async function submit(kind) {
  const words = text.value.trim();
  if (words === "" || running || !ready) return;
  if (kind === "drawing" && attached.urls.length > 0) {
    notify("A picture is drawn from words alone. Remove the images first.");
    return;
  }
  const exchange = newExchange(kind, words, attached.take());
  if (edited) cutFrom(edited);
  endEdit();
  text.value = "";
  await answer(exchange);
}

function edit(exchange) {
  if (running) return;
  edited = exchange;
  editing.hidden = false;
  text.value = exchange.text;
  attached.set(exchange.images);
  text.focus();
}

function endEdit() {
  edited = null;
  editing.hidden = true;
  clearNotice();
}

async function retry(exchange) {
  if (running) return;
  cutFrom(exchange);
  await answer(newExchange(exchange.kind, exchange.text, exchange.images));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit("question");
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit("question");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (running) running.abort();
  else if (edited) find("cancel-edit").click();
});
draw.addEventListener("click", () => submit("drawing"));
stop.addEventListener("click", () => running?.abort());
find("cancel-edit").addEventListener("click", () => {
  endEdit();
  text.value = "";
  attached.take();
  text.focus();
});
find("new").addEventListener("click", async () => {
  running?.abort();
  endEdit();
  list.replaceChildren();
  views = [];
  welcome.hidden = false;
  text.focus();
  await conversation.clear();
});

text.focus(); // before the wait: whoever has moved on by then keeps the focus
await conversation.restore();
try {
  const modelsOf = await listModels();
  const chatModels = modelsOf("/v1/chat/completions");
  model.replaceChildren(...chatModels.map((id) => new Option(id, id)));
  model.hidden = chatModels.length < 2;
  modelName.textContent = model.hidden ? (chatModels[0] ?? "") : "";
  const canDraw = modelsOf("/v1/images/generations").length > 0;
  draw.hidden = !canDraw;
  find("can-draw").hidden = !canDraw;
  if (canDraw) text.placeholder = "Ask about an image, or describe a picture";
  [tokenizer] = modelsOf("/v1/vision/decode"); // what makes pixels of ids makes ids of pixels
  for (const exchange of conversation.exchanges) view(exchange).end();
  follow.now();
  welcome.hidden = views.length > 0;
  showSamples(chatModels[0], canDraw, async ({ kind, question, image }) => {
    if (running) return;
    if (image) await attach([image]);
    text.value = question;
    await submit(kind);
  });
} catch (error) {
  notify(error.message);
}
ready = true;
