/** What the server of this page can do, by OpenAI's protocol and vqrae's two paths for tokens. */

const KEY = "vqrae-api-key";

/** Asks the user for the server's key and keeps it as long as this tab lives. */
async function askForKey() {
  const dialog = document.querySelector("#key");
  const input = document.querySelector("#key-input");
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (input.value === "") throw new Error("The server wants a key.");
  sessionStorage.setItem(KEY, input.value);
  input.value = "";
}

/** @throws Error with the server's own message */
async function request(path, { body, signal } = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = {
    ...(body && { "content-type": "application/json" }),
    ...(key && { authorization: `Bearer ${key}` }),
  };
  const response = await fetch(path, {
    method: body ? "POST" : "GET",
    headers,
    signal,
    ...(body && { body: JSON.stringify(body) }),
  });
  if (response.status === 401) {
    await askForKey();
    return request(path, { body, signal });
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error?.message ?? `The server answered with status ${response.status}.`);
}

/** The server's models: a function of the ids of those that take requests at a path. */
export async function listModels() {
  const { data } = await (await request("/v1/models")).json();
  return (path) => data.filter(({ routes }) => routes.includes(path)).map(({ id }) => id);
}

/** The answer to a conversation, in pieces. `body` has the model, the messages and how to sample. */
export async function* streamChat(body, signal) {
  for await (const event of eventsOf("/v1/chat/completions", { ...body, stream: true }, signal)) {
    yield event.choices[0]?.delta.content ?? "";
  }
}

/** A picture from words as it is drawn: data: URLs, each with the share that is drawn; the last one (1) has its seed. */
export async function* drawImage(prompt, signal) {
  const body = { prompt, response_format: "b64_json", stream: true, partial_images: PREVIEWS };
  for await (const event of eventsOf("/v1/images/generations", body, signal)) {
    const url = `data:image/png;base64,${event.b64_json}`;
    if (event.type === "image_generation.completed") yield { url, seed: event.seed, share: 1 };
    else yield { url, share: (event.partial_image_index + 1) / (PREVIEWS + 1) };
  }
}

/** OpenAI's most. */
const PREVIEWS = 3;

/** The server-sent events of an answer. @throws Error with the server's message, also where it comes as an event */
async function* eventsOf(path, body, signal) {
  const response = await request(path, { body, signal });
  let rest = "";
  for await (const text of textOf(response.body)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message);
      signal?.throwIfAborted(); // pieces that had come before the user stopped
      yield event;
    }
  }
}

/** Not every browser can iterate over a stream. */
async function* textOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** What an image's tokens are, in raster order, and their grid: each token's id, or its ids as a text; of several grids the finest. */
export async function tokensOf(url, model) {
  const response = await request("/v1/vision/tokens", { body: { model, image: url } });
  const { data, codebook_size: codebookSize, codes_per_token: codes } = await response.json();
  const { grid, ids } = data[0];
  const own = ids.slice(-grid.rows * grid.columns * codes);
  const token = (i) => own.slice(i * codes, (i + 1) * codes).join(" ");
  return {
    grid,
    ids: codes === 1 ? own : Array.from({ length: own.length / codes }, (_, i) => token(i)),
    codebookSize,
  };
}
