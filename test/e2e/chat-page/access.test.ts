import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { ChatPage, chromium, photo, question } from "../../helpers/chat-page.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe.skipIf(chromium === null)("the chat page for everybody", { timeout: 240_000 }, () => {
  const chat = ChatPage.forTests();

  /** What axe-core finds, all of its rules on. */
  const violations = async (): Promise<string[]> => {
    await chat.page.evaluate(axe);
    return chat.page.evaluate(`axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>
      id + ": " + nodes.map(({ html, failureSummary }) => html.slice(0, 120) + " " + failureSummary).join("; ")))`);
  };

  it.each([
    { name: "phone", width: 390, height: 844, dark: true },
    { name: "tablet", width: 768, height: 1024, dark: false },
    { name: "desktop", width: 1280, height: 800, dark: false },
    { name: "desktop-dark", width: 1280, height: 800, dark: true },
  ])("fits and is clean for axe-core: $name", async ({ name, ...opening }) => {
    const page = await chat.open(opening);
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe(
      opening.dark ? "rgb(22, 24, 29)" : "rgb(251, 251, 250)",
    );
    await page.locator(".sample img").first().waitFor();
    await chat.screenshot(`${name}-1-empty`);
    expect(await violations()).toEqual([]);
    await chat.askAboutPhoto();
    await page.fill("#text", "a red triangle");
    await page.getByRole("button", { name: "Draw", exact: true }).click();
    await chat.answers.nth(1).waitFor();
    await chat.idle();
    await expect.poll(() => chat.below()).toBeLessThan(2);
    await chat.screenshot(`${name}-2-chat`);
    expect(await chat.fits()).toBe(true);
    expect(await violations()).toEqual([]);
    await page
      .getByRole("button", { name: /^Tokens of/ })
      .first()
      .click();
    await page.getByRole("gridcell").nth(6).click();
    expect(await page.locator("#grid .here").count()).toBe(1);
    await chat.screenshot(`${name}-3-tokens`);
    expect(await chat.fits()).toBe(true);
    expect(await violations()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Settings" }).click();
    await chat.screenshot(`${name}-4-settings`);
    expect(await violations()).toEqual([]);
  });

  it("shows a long model name whole on a phone", async () => {
    const page = await chat.blank({ width: 390, height: 844 });
    const id = "HuggingFaceTB/SmolVLM2-2.2B-Instruct-with-a-longer-name-Q4_K_M.gguf";
    await page.route("**/v1/models", (route) =>
      route.fulfill({ json: { data: [{ id, routes: ["/v1/chat/completions"] }] } }),
    );
    await page.goto(chat.server.url);
    const name = page.locator("#model-name", { hasText: id });
    await name.waitFor();
    expect(await name.evaluate((one: unknown) => (one as { scrollWidth: number }).scrollWidth)).toBeLessThanOrEqual(
      390,
    );
    expect(await chat.fits()).toBe(true);
    await chat.screenshot("phone-long-name");
  });

  it("works by keyboard alone", async () => {
    const page = await chat.open();
    // Before the key: the browser must know that somebody waits, else it opens a dialog of its own.
    const chosen = page.waitForEvent("filechooser");
    await page.keyboard.type(question); // the message has the focus
    await page.keyboard.press("Tab"); // the file input
    expect(await page.evaluate("document.activeElement.id")).toBe("file");
    await chat.screenshot("keyboard");
    await page.keyboard.press("Enter");
    await (await chosen).setFiles(photo);
    await page.locator("#attached img").waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id")).toBe("text");
    await page.keyboard.press("Enter");
    await chat.answers.first().waitFor();
    await chat.idle();
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press("Shift+Tab");
      if (await page.evaluate("document.activeElement.textContent === 'Tokens'")) break;
    }
    await page.keyboard.press("Enter");
    await page.getByRole("gridcell").first().waitFor();
    for (let i = 0; i < 4; i++) {
      if (await page.evaluate("document.activeElement.tagName === 'TD'")) break;
      await page.keyboard.press("Tab");
    }
    for (const key of ["ArrowRight", "ArrowDown", "ArrowUp", "ArrowDown"]) await page.keyboard.press(key);
    expect(await page.locator("#grid-status").textContent()).toContain("row 2, column 2");
    await chat.screenshot("keyboard-tokens");
    await page.keyboard.press("Escape");
    await page.locator("#tokens").waitFor({ state: "hidden" });
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Tokens");
  });

  it("leaves the focus where the user put it while the models load", async () => {
    const page = await chat.blank();
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route("**/v1/models", async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(chat.server.url);
    expect(await page.evaluate("document.activeElement.id")).toBe("text");
    await page.keyboard.press("Tab");
    answer();
    await page.locator(".sample").first().waitFor(); // the last to come
    expect(await page.evaluate("document.activeElement.id")).toBe("file");
  });
});
