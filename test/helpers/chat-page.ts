import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { EndpointOptions, Listening } from "../../adapters/openai/index.ts";
import { buildChatPage } from "../../scripts/build-chat-page.ts";
import { findChromium, launch } from "./browser.ts";
import { loadTinyModels, serveTiny, type TinyModels } from "./tiny-endpoint.ts";

export const chromium = await findChromium();
if (chromium === null) {
  console.warn("The chat page is not tested: no Chromium here. Run `apt-get install chromium`, or set CHROMIUM_PATH.");
}

export const photo = new URL("../../examples/images/cat.jpg", import.meta.url).pathname;
/** The tiny model answers it in some words, so that the tests need not wait. */
export const question = "q55";
/** Pictures of the page, to be looked at. */
const screenshots = process.env.SCREENSHOTS ?? join(tmpdir(), "vqrae-chat-page");

interface Opening {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly url?: string;
}

/** The chat page of the tiny models in a browser. A page error and a request to elsewhere fail the test. */
export class ChatPage {
  models!: TinyModels;
  server!: Listening & { readonly errors: unknown[] };
  page!: Page;
  #browser!: Browser;
  #context: BrowserContext | null = null;
  readonly #wrong: string[] = [];

  /** Starts server and browser before the tests of a file, and closes them after. */
  static forTests(options: EndpointOptions = {}): ChatPage {
    const chat = new ChatPage();
    beforeAll(async () => {
      await mkdir(screenshots, { recursive: true });
      await buildChatPage();
      chat.models = await loadTinyModels();
      chat.server = await serveTiny(chat.models, { ui: true, ...options });
      chat.#browser = await launch(chromium!);
    }, 180_000);
    afterEach(async () => {
      await chat.#context?.close();
      expect(chat.#wrong.splice(0)).toEqual([]);
      expect(chat.server.errors.splice(0)).toEqual([]);
    });
    afterAll(async () => {
      await chat.#browser?.close();
      await chat.server?.close();
      await chat.models?.[Symbol.asyncDispose]();
    });
    return chat;
  }

  /** A page of a device that has kept nothing, not yet at an address. */
  async blank({ width = 1100, height = 800, dark = false, url = this.server.url }: Opening = {}): Promise<Page> {
    await this.#context?.close();
    this.#context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    this.page = await this.#context.newPage();
    this.page.setDefaultTimeout(60_000);
    this.page.on("pageerror", (error) => this.#wrong.push(String(error)));
    this.page.on("request", (request) => {
      const to = request.url();
      if (!to.startsWith(url) && !/^(data|blob):/.test(to)) this.#wrong.push(`a request to ${to}`);
    });
    return this.page;
  }

  async open(opening: Opening = {}): Promise<Page> {
    const page = await this.blank(opening);
    await page.goto(opening.url ?? this.server.url);
    await this.ready();
    return page;
  }

  /** Its models are there, and the chat that it has kept. */
  async ready(): Promise<void> {
    await this.page.locator(".sample").first().waitFor({ state: "attached" });
  }

  get answers(): Locator {
    return this.page.locator(".message.assistant");
  }

  async attachPhoto(): Promise<void> {
    await this.page.setInputFiles("#file", photo);
    await this.page.locator("#attached img").waitFor();
  }

  /** Asks, and waits for the end of the answer. */
  async ask(words: string): Promise<void> {
    const before = await this.answers.count();
    await this.page.fill("#text", words);
    await this.page.keyboard.press("Enter");
    await this.answers.nth(before).waitFor();
    await this.idle();
  }

  async askAboutPhoto(): Promise<void> {
    await this.attachPhoto();
    await this.ask(question);
  }

  async idle(): Promise<void> {
    await this.page.locator("#send").waitFor({ state: "visible" });
  }

  /** What the first Copy copies: an answer as the model wrote it. */
  async copied(what: "answer" | "question"): Promise<string> {
    await this.page
      .getByRole("button", { name: `Copy this ${what}` })
      .first()
      .click();
    await this.page.getByText("Copied").first().waitFor();
    return this.page.evaluate("navigator.clipboard.readText()");
  }

  /** Pixels of the chat below what is in view. */
  async below(): Promise<number> {
    return this.page.locator("main").evaluate((main: unknown) => {
      const { scrollHeight, scrollTop, clientHeight } = main as Record<string, number>;
      return scrollHeight! - scrollTop! - clientHeight!;
    });
  }

  /** Whether nothing lies beside the window. */
  async fits(): Promise<boolean> {
    return this.page.evaluate("document.documentElement.scrollWidth <= innerWidth");
  }

  async screenshot(name: string): Promise<void> {
    await this.page.screenshot({ path: join(screenshots, `${name}.png`) });
  }
}
