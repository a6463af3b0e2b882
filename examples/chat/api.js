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

/** The ids of the models that take requests at `path`. */
export async function modelsOf(path) {
  const { data } = await (await request("/v1/models")).json();
  return data.filter(({ routes }) => routes.includes(path)).map(({ id }) => id);
}

/** The answer to a conversation, in pieces. */
export async function* streamChat(model, messages, signal) {
  const response = await request("/v1/chat/completions", { body: { model, messages, stream: true }, signal });
  let rest = "";
  for await (const text of textOf(response.body)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message);
      signal?.throwIfAborted(); // pieces that had come before the user stopped
      yield event.choices[0]?.delta.content ?? "";
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

/** A picture from words, as a data: URL, and its seed. */
export async function drawImage(prompt, signal) {
  const response = await request("/v1/images/generations", { body: { prompt, response_format: "b64_json" }, signal });
  const [{ b64_json: base64, seed }] = (await response.json()).data;
  return { url: `data:image/png;base64,${base64}`, seed };
}

/** The ids of an image, in raster order, and their grid. */
export async function tokensOf(url) {
  const response = await request("/v1/vision/tokens", { body: { image: url } });
  const { data, codebook_size: codebookSize } = await response.json();
  return { ...data[0], codebookSize };
}
