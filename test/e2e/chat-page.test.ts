import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../adapters/openai/index.ts";
import { findChromium, launch } from "../helpers/browser.ts";
import { loadTinyModels, serveTiny, type TinyModels } from "../helpers/tiny-endpoint.ts";

const chromium = await findChromium();
if (chromium === null) {
  console.warn("The chat page is not tested: no Chromium here. Run `apt-get install chromium`, or set CHROMIUM_PATH.");
}
const photo = new URL("../../examples/images/cat.jpg", import.meta.url).pathname;
/** The tiny model answers it in some words, so that the tests need not wait. */
const question = "q55";
/** Pictures of the page, to be looked at. */
const screenshots = process.env.SCREENSHOTS ?? join(tmpdir(), "vqrae-chat-page");

describe.skipIf(chromium === null)("the chat page", { timeout: 180_000 }, () => {
  let models: TinyModels;
  let server: Listening & { readonly errors: unknown[] };
  let browser: Browser;
  let page: Page;
  const wrong: string[] = [];

  beforeAll(async () => {
    await mkdir(screenshots, { recursive: true });
    models = await loadTinyModels();
    server = await serveTiny(models, { ui: true });
    browser = await launch(chromium!);
  }, 180_000);
  afterEach(async () => {
    await page.close();
    expect(wrong.splice(0)).toEqual([]);
    expect(server.errors.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await models?.[Symbol.asyncDispose]();
  });

  async function open({ width = 1100, height = 800, dark = false, url = server.url } = {}): Promise<void> {
    page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? "dark" : "light" });
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on("request", (request) => {
      const to = request.url();
      if (!to.startsWith(url) && !/^(data|blob):/.test(to)) wrong.push(`a request to ${to}`);
    });
    await page.goto(url);
    await page.locator("#model option").first().waitFor({ state: "attached" });
  }
  const answers = () => page.locator(".message.assistant");
  const screenshot = (name: string) => page.screenshot({ path: join(screenshots, `${name}.png`) });
  /** The tiny model's words mean nothing; that they are these shows that question and image arrived. */
  const answerTo = async (asked: string) => models.vlm.chat([{ role: "user", content: [{ image: photo }, asked] }]);
  const fits = () => page.evaluate("document.documentElement.scrollWidth <= innerWidth");
  const askAboutPhoto = async () => {
    await page.setInputFiles("#file", photo);
    await page.locator("#attached img").waitFor();
    await page.fill("#text", question);
    await page.keyboard.press("Enter");
    await page.locator("#send").waitFor({ state: "visible" });
  };

  it("answers about a chosen image, over two turns, in pieces", async () => {
    await open();
    await screenshot("1-empty");
    await askAboutPhoto();
    expect(await answers().first().textContent()).toBe((await answerTo(question)).text);
    await page.fill("#text", "why");
    await page.keyboard.press("Enter");
    await page.locator(".message.user").nth(1).waitFor();
    await page.locator("#send").waitFor({ state: "visible" });
    expect(await fits()).toBe(true);
    await screenshot("2-answered");
  });

  it("takes a pasted and a dropped image, and lets go of one", async () => {
    await open();
    const give = (event: string) =>
      page.evaluate(`(async () => {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 32;
        const blob = await new Promise((resolve) => canvas.toBlob(resolve));
        const files = new DataTransfer();
        files.items.add(new File([blob], "a.png", { type: "image/png" }));
        document.querySelector("#text").dispatchEvent(${event});
      })()`);
    await give('new ClipboardEvent("paste", { clipboardData: files, bubbles: true })');
    await page.locator("#attached li").first().waitFor();
    await give('new DragEvent("drop", { dataTransfer: files, bubbles: true })');
    await page.locator("#attached li").nth(1).waitFor();
    await page.getByRole("button", { name: "Remove image 1" }).click();
    expect(await page.locator("#attached li").count()).toBe(1);
    await page.fill("#text", "why");
    await page.getByRole("button", { name: "Send" }).click();
    await answers().first().waitFor();
    expect(await page.locator(".message.user img").count()).toBe(1);
  });

  it("draws a picture", async () => {
    await open();
    await page.fill("#text", "a red triangle");
    await page.getByRole("button", { name: "Draw" }).click();
    const picture = answers().locator("img");
    await picture.waitFor();
    expect(await picture.evaluate((image: unknown) => (image as { naturalWidth: number }).naturalWidth)).toBe(16);
    await screenshot("3-drawn");
  });

  it("lays the tokens over an image: a cell's id, and where else it is", async () => {
    await open();
    await askAboutPhoto();
    await page.getByRole("button", { name: /^Tokens of/ }).click();
    const cells = page.getByRole("gridcell");
    await cells.first().waitFor();
    expect(await cells.count()).toBe(16);
    const ids = await cells.evaluateAll((all) =>
      all.map((cell) => Number((cell as unknown as { dataset: { id: string } }).dataset.id)),
    );
    const twice = ids.findIndex((id, i) => ids.indexOf(id) !== i);
    const at = twice < 0 ? 5 : twice;
    await cells.nth(at).hover();
    const same = ids.filter((id) => id === ids[at]).length;
    expect(await page.locator("#grid .same").count()).toBe(same);
    const status = await page.locator("#grid-status").textContent();
    expect(status).toContain(`Id ${ids[at]}, row ${Math.floor(at / 4) + 1}, column ${(at % 4) + 1}`);
    expect(status).toContain(same === 1 ? "nowhere else" : same === 2 ? "1 other place" : `${same - 1} other places`);
    await screenshot("4-tokens");
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator("#tokens").waitFor({ state: "hidden" });
  });

  it("works by keyboard alone", async () => {
    await open();
    // Before the key: the browser must know that somebody waits, else it opens a dialog of its own.
    const chosen = page.waitForEvent("filechooser");
    await page.keyboard.type(question); // the message has the focus
    await page.keyboard.press("Tab"); // the file input
    expect(await page.evaluate("document.activeElement.id")).toBe("file");
    await screenshot("5-keyboard");
    await page.keyboard.press("Enter");
    await (await chosen).setFiles(photo);
    await page.locator("#attached img").waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("text");
    await page.keyboard.press("Enter");
    await page.locator("#send").waitFor({ state: "visible" });
    await answers().first().waitFor();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Shift+Tab");
      if (await page.evaluate("document.activeElement.textContent === 'Tokens'")) break;
    }
    await page.keyboard.press("Enter");
    const cells = page.getByRole("gridcell");
    await cells.first().waitFor();
    for (let i = 0; i < 4; i++) {
      if (await page.evaluate("document.activeElement.tagName === 'TD'")) break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowDown");
    expect(await page.locator("#grid-status").textContent()).toContain("row 2, column 2");
    await screenshot("6-keyboard-tokens");
    await page.keyboard.press("Escape");
    await page.locator("#tokens").waitFor({ state: "hidden" });
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Tokens");
  });

  it("leaves the focus where the user put it while the models load", async () => {
    page = await browser.newPage();
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route("**/v1/models", async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(server.url);
    expect(await page.evaluate("document.activeElement.id")).toBe("text");
    await page.keyboard.press("Tab");
    answer();
    await page.locator("#draw").waitFor({ state: "visible" }); // the last but one to load
    await page.waitForLoadState("networkidle");
    expect(await page.evaluate("document.activeElement.id")).toBe("file");
  });

  it("fits a phone, and the dark", async () => {
    await open({ width: 390, height: 844, dark: true });
    await askAboutPhoto();
    await answers().first().waitFor();
    expect(await fits()).toBe(true);
    const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(ground).toBe("rgb(22, 24, 29)");
    await screenshot("7-phone-dark");
    await page.getByRole("button", { name: /^Tokens of/ }).click();
    await page.getByRole("gridcell").first().waitFor();
    await page.getByRole("gridcell").nth(6).click();
    expect(await fits()).toBe(true);
    expect(await page.locator("#grid .here").count()).toBe(1);
    await screenshot("8-phone-tokens");
  });

  it("says what went wrong, and goes on; stops when told", async () => {
    await open();
    await page.setInputFiles("#file", { name: "a.png", mimeType: "image/png", buffer: Buffer.from("no image") });
    await page.fill("#text", "why");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toContain("Expected a raster image");
    await screenshot("9-error");
    await page.setInputFiles("#file", photo);
    await page.locator("#attached img").waitFor();
    const whole = (await answerTo("why")).text; // some hundred tokens
    // The hardest case: the whole answer is there at once.
    await page.route("**/v1/chat/completions", async (route) => route.fulfill({ response: await route.fetch() }));
    // A user who is as quick as the model: Stop at the answer's first words.
    await page.evaluate(`new MutationObserver((_, observer) => {
      if (!document.querySelector(".message.assistant")?.textContent) return;
      observer.disconnect();
      document.querySelector("#stop").click();
    }).observe(document.querySelector("#conversation"), { subtree: true, childList: true, characterData: true })`);
    await page.fill("#text", "why");
    await page.keyboard.press("Enter");
    await answers().first().waitFor();
    await page.locator("#send").waitFor({ state: "visible" });
    const stopped = (await answers().first().textContent()) ?? "";
    expect(stopped).not.toBe("");
    expect(whole.startsWith(stopped)).toBe(true);
    expect(stopped.length).toBeLessThan(whole.length);
    expect(await page.getByRole("alert").count()).toBe(1);
    await page.getByRole("button", { name: "New chat" }).click();
    expect(await page.locator(".message").count()).toBe(0);
  });

  it("asks for the key of a server that has one", async () => {
    const locked = await serveTiny(models, { ui: true, apiKey: "secret" });
    try {
      page = await browser.newPage();
      await page.goto(locked.url);
      await page.getByLabel("API key").fill("secret");
      await page.keyboard.press("Enter");
      await page.locator("#model option").first().waitFor({ state: "attached" });
      await page.fill("#text", "why");
      await page.keyboard.press("Enter");
      await answers().first().waitFor();
    } finally {
      await page.close();
      await locked.close();
    }
  });
});
