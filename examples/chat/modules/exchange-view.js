/** An exchange on the page: what was asked, and the answer as it grows. */
import { button, make } from "./elements.js";
import { markdown } from "./markdown.js";
import { showTokens } from "./token-grid.js";

export class ExchangeView {
  /**
   * @param {import("./conversation.js").Exchange} exchange
   * @param {{ tokenizer: string | undefined, edit(exchange): void, retry(exchange): void }} page
   */
  constructor(exchange, { tokenizer, edit, retry }) {
    this.exchange = exchange;
    this.tokenizer = tokenizer;
    const isDrawing = exchange.kind === "drawing";
    const pictures = exchange.images.map((url, i) => this.figure(url, `your image ${i + 1}`));
    this.question = make(
      "li",
      { className: "message user" },
      make("span", { className: "visually-hidden", textContent: "You: " }),
      ...(pictures.length > 0 ? [make("div", { className: "pictures" }, ...pictures)] : []),
      make("div", { className: "body", textContent: isDrawing ? `Draw: ${exchange.text}` : exchange.text }),
      make(
        "div",
        { className: "message-actions" },
        copyButton("question", () => exchange.text),
        ...(isDrawing ? [] : [button("Edit", "Edit this question", () => edit(exchange))]),
      ),
    );
    this.body = make("div", { className: "body" });
    this.actions = make(
      "div",
      { className: "message-actions" },
      ...(isDrawing ? [] : [copyButton("answer", () => exchange.answer)]),
      make(
        "span",
        { className: "retry" },
        button("Retry", "Retry this question", () => retry(exchange)),
      ),
    );
    this.answer = make(
      "li",
      { className: "message assistant" },
      make("span", { className: "visually-hidden", textContent: "Answer: " }),
      this.body,
    );
    this.elements = [this.question, this.answer];
  }

  /** A picture; where the server's model has ids, with a way to see them. */
  figure(url, name, caption = "") {
    const { tokenizer } = this;
    const tokens = tokenizer ? [button("Tokens", `Tokens of ${name}`, () => showTokens(url, tokenizer))] : [];
    const line = caption || tokenizer ? [make("figcaption", {}, caption, ...tokens)] : [];
    return make("figure", {}, make("img", { src: url, alt: name }), ...line);
  }

  /** Before the first piece. A screen reader waits for the whole answer. */
  wait() {
    this.answer.classList.add("waiting");
    this.answer.setAttribute("aria-busy", "true");
    if (this.exchange.kind !== "drawing") return;
    this.progress = make("progress", { max: 1, "aria-label": `Drawing ${this.exchange.text}` });
    this.body.append(this.progress);
  }

  /** Shows what the answer has grown to: its first words at once, the others at most once a frame. */
  update() {
    const show = () => {
      this.frame = undefined;
      this.body.replaceChildren(markdown(this.exchange.answer));
    };
    if (this.body.firstChild === null) show();
    else this.frame ??= requestAnimationFrame(show);
  }

  /** Shows a picture that is drawn so far, `share` of it (0 to 1). */
  preview(url, share) {
    this.progress.value = share;
    this.drawn ??= make("img", { alt: "The picture so far" });
    this.drawn.src = url;
    this.body.replaceChildren(make("figure", {}, this.drawn), this.progress);
  }

  /** The whole answer, or as much of it as came. */
  end() {
    cancelAnimationFrame(this.frame);
    const { answer, picture, error, text } = this.exchange;
    this.answer.classList.remove("waiting");
    this.answer.removeAttribute("aria-busy");
    const shown = [];
    if (answer !== "") shown.push(markdown(answer));
    if (picture) shown.push(this.figure(picture.url, `the picture of ${text}`, `seed ${picture.seed}`));
    if (error) shown.push(make("p", { className: "error", role: "alert", textContent: error }));
    if (shown.length === 0) shown.push(make("p", { className: "faint", textContent: "Stopped." }));
    this.body.replaceChildren(...shown);
    this.actions.classList.toggle("no-answer", answer === "");
    this.answer.append(this.actions);
  }
}

/** Where the page may write to the clipboard: on https and on this machine. */
function copyButton(what, textOf) {
  const copy = button("Copy", `Copy this ${what}`, async () => {
    await navigator.clipboard.writeText(textOf());
    copy.textContent = "Copied";
    setTimeout(() => {
      copy.textContent = "Copy";
    }, 1500);
  });
  copy.classList.add("copy");
  copy.hidden = navigator.clipboard === undefined;
  return copy;
}
