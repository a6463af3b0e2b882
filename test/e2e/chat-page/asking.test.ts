import { describe, expect, it } from "vitest";
import { ChatPage, chromium, photo, question } from "../../helpers/chat-page.ts";
import { serveTiny } from "../../helpers/tiny-endpoint.ts";

describe.skipIf(chromium === null)("asking on the chat page", { timeout: 180_000 }, () => {
  const chat = ChatPage.forTests();
  /** The tiny model's words mean nothing; that they are these shows that question and image arrived. */
  const answerTo = async (asked: string) =>
    chat.models.vlm.chat([{ role: "user", content: [{ image: photo }, asked] }]);

  it("answers about a chosen image, over two turns, in pieces", async () => {
    await chat.open();
    await chat.askAboutPhoto();
    expect(await chat.copied("answer")).toBe((await answerTo(question)).text);
    await chat.ask("why");
    expect(await chat.page.locator(".message.user").count()).toBe(2);
    expect(await chat.fits()).toBe(true);
  });

  it("takes pasted and dropped images, and lets go of one", async () => {
    const page = await chat.open();
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
    await give('new DragEvent("dragover", { dataTransfer: files, bubbles: true })');
    await page.locator("#drop").waitFor({ state: "visible" });
    await chat.screenshot("drop");
    await give('new DragEvent("drop", { dataTransfer: files, bubbles: true })');
    await page.locator("#attached li").nth(1).waitFor();
    expect(await page.locator("#drop").isVisible()).toBe(false);
    await give('new DragEvent("drop", { dataTransfer: files, bubbles: true })');
    await page.locator("#attached li").nth(2).waitFor();
    await page.getByRole("button", { name: "Remove image 1" }).click();
    expect(await page.locator("#attached li").count()).toBe(2);
    await chat.ask("why");
    expect(await page.locator(".message.user img").count()).toBe(2);
  });

  it("makes a large picture smaller before it is sent", async () => {
    const page = await chat.open();
    const sent = page.waitForRequest("**/v1/chat/completions");
    await page.evaluate(`(async () => {
      const canvas = document.createElement("canvas");
      canvas.width = 4000;
      canvas.height = 400;
      const blob = await new Promise((resolve) => canvas.toBlob(resolve));
      const files = new DataTransfer();
      files.items.add(new File([blob], "wide.png", { type: "image/png" }));
      document.querySelector("#text").dispatchEvent(new ClipboardEvent("paste", { clipboardData: files, bubbles: true }));
    })()`);
    await page.locator("#attached img").waitFor();
    await chat.ask("why");
    const { messages } = (await sent).postDataJSON();
    expect(messages[0].content[0].image_url.url).toMatch(/^data:image\/webp;base64,/);
    const size = await page
      .locator(".message.user img")
      .evaluate((image: unknown) => (image as { naturalWidth: number }).naturalWidth);
    expect(size).toBe(2048);
  });

  it("names a HEIC photo and other files that are no images", async () => {
    const page = await chat.open();
    const box = (brands: string) => {
      const body = Buffer.from(`ftyp${brands.slice(0, 4)}\0\0\0\0${brands.slice(4)}`, "latin1");
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length + 4);
      return Buffer.concat([length, body, Buffer.alloc(64)]);
    };
    // As Windows and Linux give it: without a type.
    await page.setInputFiles("#file", [
      { name: "IMG_1.heic", mimeType: "", buffer: box("mif1heic") },
      { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("words") },
    ]);
    const notice = page.locator("#notice");
    await notice.waitFor({ state: "visible" });
    expect(await notice.textContent()).toContain("IMG_1.heic is a HEIC photo");
    expect(await notice.textContent()).toContain("notes.txt is no image");
    expect(await page.locator("#attached li").count()).toBe(0);
    await page.setInputFiles("#file", { name: "a.avif", mimeType: "image/avif", buffer: box("mif1avif") });
    await page.locator("#attached li").waitFor();
    expect(await notice.isVisible()).toBe(false);
  });

  it("draws a picture, which grows", async () => {
    const page = await chat.open();
    await page.evaluate(`
      window.shown = new Set();
      new MutationObserver(() => {
        const image = document.querySelector(".message.assistant img");
        if (image) shown.add(image.src);
      }).observe(document.querySelector("#conversation"), { subtree: true, childList: true, attributes: true });
    `);
    await page.fill("#text", "a red triangle");
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await chat.idle();
    const picture = chat.answers.locator("img");
    expect(await picture.evaluate((image: unknown) => (image as { naturalWidth: number }).naturalWidth)).toBe(16);
    expect(await page.evaluate("shown.size")).toBeGreaterThan(1);
    expect(await chat.answers.locator("progress").count()).toBe(0);
    expect(await chat.answers.textContent()).toContain("seed");
    await chat.screenshot("drawn");
  });

  it("lays the tokens over an image: a cell's id, and where else it is", async () => {
    const page = await chat.open();
    await chat.askAboutPhoto();
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
    await chat.screenshot("tokens");
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator("#tokens").waitFor({ state: "hidden" });
  });

  it("offers tokens only where a served model has ids, and to draw only where one draws", async () => {
    const bare = await serveTiny(chat.models, { ui: true, tokenizers: [], imageModels: [] });
    try {
      const page = await chat.open({ url: bare.url });
      await chat.askAboutPhoto();
      expect(await page.getByRole("button", { name: /^Tokens of/ }).count()).toBe(0);
      expect(await page.getByRole("button", { name: "Draw", exact: true }).isVisible()).toBe(false);
    } finally {
      await chat.page.close();
      await bare.close();
    }
  });

  it("says what went wrong, and goes on; stops when told", async () => {
    const page = await chat.open();
    await page.setInputFiles("#file", { name: "a.png", mimeType: "image/png", buffer: Buffer.from("no image") });
    await page.locator("#attached img").waitFor();
    await chat.ask("why");
    const alert = chat.answers.getByRole("alert");
    expect(await alert.textContent()).toContain("Expected a raster image");
    await chat.screenshot("error");
    await chat.attachPhoto();
    const whole = (await answerTo("why")).text; // some hundred tokens
    // The hardest case: the whole answer is there at once.
    await page.route("**/v1/chat/completions", async (route) => route.fulfill({ response: await route.fetch() }));
    // A user who is as quick as the model: Stop at the answer's first words.
    await page.evaluate(`new MutationObserver((_, observer) => {
      if (!document.querySelectorAll(".message.assistant .body")[1]?.textContent) return;
      observer.disconnect();
      document.querySelector("#stop").click();
    }).observe(document.querySelector("#conversation"), { subtree: true, childList: true, characterData: true })`);
    await chat.ask("why");
    const stopped = await chat.copied("answer");
    expect(stopped).not.toBe("");
    expect(whole.startsWith(stopped)).toBe(true);
    expect(await alert.count()).toBe(1);
    await page.getByRole("button", { name: "New chat" }).click();
    expect(await page.locator(".message").count()).toBe(0);
  });

  it("asks for the key of a server that has one", async () => {
    const locked = await serveTiny(chat.models, { ui: true, apiKey: "secret" });
    try {
      const page = await chat.blank({ url: locked.url });
      await page.goto(locked.url);
      await page.getByLabel("API key").fill("secret");
      await page.keyboard.press("Enter");
      await chat.ready();
      await chat.ask("why");
    } finally {
      await chat.page.close();
      await locked.close();
    }
  });
});
