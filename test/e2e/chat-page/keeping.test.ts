import { describe, expect, it } from "vitest";
import { ChatPage, chromium, question } from "../../helpers/chat-page.ts";

/** What people expect of a chat beside its answers. */
describe.skipIf(chromium === null)("the chat page's chat", { timeout: 180_000 }, () => {
  const chat = ChatPage.forTests();
  const users = () => chat.page.locator(".message.user .body");
  /** The messages of the next request. */
  const sentBy = async (action: () => Promise<unknown>) => {
    const request = chat.page.waitForRequest("**/v1/chat/completions");
    await action();
    return (await request).postDataJSON();
  };
  /** A server's answer of these words. */
  const answerWith = (words: string) =>
    chat.page.route("**/v1/chat/completions", (route) =>
      route.fulfill({
        contentType: "text/event-stream",
        body: `data: ${JSON.stringify({ choices: [{ delta: { content: words } }] })}\n\ndata: [DONE]\n\n`,
      }),
    );

  it("survives a reload, with its pictures, and goes on; a new chat is new after it too", async () => {
    const page = await chat.open();
    await chat.askAboutPhoto();
    const answer = await chat.copied("answer");
    await page.fill("#text", "a blue circle");
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await chat.answers.locator("figcaption", { hasText: "seed" }).waitFor();
    await chat.idle();
    await page.reload();
    await chat.answers.nth(1).waitFor();
    expect(await chat.copied("answer")).toBe(answer);
    const widths = await page
      .locator(".message img")
      .evaluateAll((all) =>
        Promise.all(
          (all as unknown as { decode(): Promise<void>; naturalWidth: number }[]).map((image) =>
            image.decode().then(() => image.naturalWidth > 0),
          ),
        ),
      );
    expect(widths).toEqual([true, true]);
    const { messages } = await sentBy(() => chat.ask("why"));
    expect(messages.map(({ role }: { role: string }) => role)).toEqual(["user", "assistant", "user"]);
    expect(messages[0].content[0].image_url.url).toMatch(/^data:image\/jpeg/);
    await page.getByRole("button", { name: "New chat" }).click();
    await page.reload();
    await page.locator("#welcome").waitFor({ state: "visible" });
    expect(await page.locator(".message").count()).toBe(0);
  });

  it("edits a question and retries one: what followed is replaced", async () => {
    const page = await chat.open();
    await chat.askAboutPhoto();
    await chat.ask("why");
    await page.getByRole("button", { name: "Edit this question" }).first().click();
    expect(await page.inputValue("#text")).toBe(question);
    expect(await page.locator("#attached li").count()).toBe(1);
    await chat.screenshot("editing");
    await page.keyboard.press("Escape");
    expect(await page.locator("#editing").isVisible()).toBe(false);
    expect(await users().count()).toBe(2);
    await page.getByRole("button", { name: "Edit this question" }).first().click();
    await page.fill("#text", "q56");
    const edited = await sentBy(async () => {
      await page.keyboard.press("Enter");
      await expect.poll(() => users().count()).toBe(1);
      await chat.idle();
    });
    expect(edited.messages).toHaveLength(1);
    expect(edited.messages[0].content[1].text).toBe("q56");
    expect(await users().allTextContents()).toEqual(["q56"]);
    const again = await sentBy(async () => {
      await page.getByRole("button", { name: "Retry this question" }).click();
      await chat.idle();
    });
    expect(again).toEqual(edited);
  });

  it("shows Markdown, and nothing that an answer could do harm with", async () => {
    await chat.open();
    const words = [
      "# Title\n\nSome **bold** words, `code` and a [link](https://example.com/a).\n",
      "- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nif (a < b) go();\n```\n",
      '<img src="https://evil.example/x.png" onerror="alert(1)"> <script>alert(2)</script>',
      "\n\n![picture](https://evil.example/y.png) [bad](javascript:alert(3)) <b>tag</b>",
    ].join("");
    await answerWith(words);
    await chat.ask("how");
    const body = chat.answers.locator(".body");
    expect(await body.locator("strong").allTextContents()).toEqual(["Title", "bold"]);
    expect(await body.locator("li").allTextContents()).toEqual(["one", "two"]);
    expect(await body.locator("td").count()).toBe(2);
    expect(await body.locator("pre code").textContent()).toBe("if (a < b) go();\n");
    expect(await body.locator("img, script, b").count()).toBe(0);
    expect(await body.textContent()).toContain('<img src="https://evil.example/x.png" onerror="alert(1)">');
    const links = await body
      .locator("a")
      .evaluateAll((all) => all.map((a) => [a.textContent, (a as unknown as { href: string }).href]));
    expect(links).toEqual([
      ["link", "https://example.com/a"],
      ["picture", "https://evil.example/y.png"],
      ["bad", ""],
    ]);
    expect(await body.locator("a").first().getAttribute("rel")).toContain("noopener");
    expect(await chat.copied("answer")).toBe(words);
    await chat.screenshot("markdown");
  });

  it("sends the settings, and keeps them", async () => {
    const page = await chat.open();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("System prompt").fill("Be brief.");
    await page.getByLabel("Temperature").fill("0.4");
    await page.getByLabel("Most tokens").fill("3");
    await chat.screenshot("settings");
    await page.getByRole("button", { name: "Done" }).click();
    await page.reload();
    await chat.ready();
    const sent = await sentBy(() => chat.ask("why"));
    expect(sent).toMatchObject({
      temperature: 0.4,
      max_tokens: 3,
      messages: [{ role: "system", content: "Be brief." }, {}],
    });
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Reset" }).click();
    await page.keyboard.press("Escape");
    const plain = await sentBy(() => chat.ask("q55"));
    expect(Object.keys(plain).sort()).toEqual(["messages", "model", "stream"]);
  });

  it("has samples that ask by themselves", async () => {
    const page = await chat.open();
    await page.getByRole("button", { name: "What animal is this?" }).click();
    await chat.answers.first().waitFor();
    await chat.idle();
    expect(await users().allTextContents()).toEqual(["What animal is this?"]);
    expect(await page.locator(".message.user img").count()).toBe(1);
    expect(await page.locator("#welcome").isVisible()).toBe(false);
  });

  it("keeps the end in view as pictures load", async () => {
    await chat.open({ height: 500 });
    await answerWith("word\n\n".repeat(30));
    await chat.ask("how");
    await chat.attachPhoto();
    await chat.ask("how");
    await expect.poll(() => chat.below()).toBeLessThan(2);
  });
});
