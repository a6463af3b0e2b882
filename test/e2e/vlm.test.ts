import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadVlm, type Vlm } from "../../adapters/llama-cpp/index.ts";

interface Golden {
  readonly embeddings: { readonly shape: [number, number]; readonly rows: number[][] };
  readonly pictures: readonly {
    readonly image: string;
    readonly asked: readonly { readonly question: string; readonly tokens: number[]; readonly text: string }[];
  }[];
}

/** What PyTorch and transformers make of the shipped files: test/golden/vlm/make_vlm.py. */
const golden: Golden = JSON.parse(await readFile(new URL("../golden/vlm/vlm.json", import.meta.url), "utf8"));
const pictureOf = ({ image }: { readonly image: string }) => Buffer.from(image, "base64");
/** Loading and 200 answers on a busy machine. */
const TIMEOUT_MS = 240_000;

let vlm: Vlm;
beforeAll(async () => {
  vlm = await loadVlm("default", { gpu: false, contextSize: 1024, threads: 1 });
}, TIMEOUT_MS);
afterAll(() => vlm?.dispose());

describe("the VLM that ships", () => {
  it("says what it knows, and that its data are for research and education", () => {
    expect(vlm.licence).toBe("research and education");
    expect(vlm.description).toMatch(/^a small model that describes photos/);
  });

  it("has the embeddings of transformers' encoder and InternVL's projector", async () => {
    const { segments, tokens, embeddingDim } = await vlm.tokenizer.embed(pictureOf(golden.pictures[0]!));
    expect([tokens, embeddingDim]).toEqual(golden.embeddings.shape);
    expect(segments.map((segment) => (segment.type === "text" ? segment.text : "image"))).toEqual([
      "<|vision_start|>",
      "image",
      "<|vision_end|>",
    ]);
    const [, image] = segments;
    const rows = golden.embeddings.rows.flat();
    const data = image?.type === "embeddings" ? image.data : [];
    const scale = Math.sqrt(rows.reduce((sum, value) => sum + value * value, 0) / rows.length);
    const largest = Math.max(...rows.map((value, i) => Math.abs(value - data[i]!)));
    expect(largest / scale).toBeLessThan(1e-4);
  });

  it(
    "answers 200 questions with PyTorch's greedy tokens",
    async () => {
      const wrong: string[] = [];
      let asked = 0;
      for (const picture of golden.pictures) {
        const placed = await vlm.vision.image(pictureOf(picture));
        for (const { question, tokens } of picture.asked) {
          const session = await vlm.createSession();
          const { sequence } = session;
          const said: number[] = [];
          const onToken = (chunk: readonly number[]) => said.push(...chunk);
          await session.prompt(placed + question, { temperature: 0, maxTokens: 24, onToken });
          session.dispose();
          await sequence.dispose();
          asked += 1;
          if (said.join() !== tokens.join()) wrong.push(`${question}: ${said} for ${tokens}`);
        }
      }
      expect(asked).toBe(200);
      expect(wrong).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it("answers in a call, streaming, and through a conversation of several turns and pictures", async () => {
    const [first, second] = golden.pictures;
    const { question, text } = first!.asked.at(0)!;
    const pieces: string[] = [];
    const answer = await vlm.ask(pictureOf(first!), question, { onText: (piece) => pieces.push(piece) });
    expect([answer, pieces.join("")]).toEqual([text, text]);

    const session = await vlm.createSession();
    const { sequence } = session;
    expect(await session.prompt(await vlm.vision.prompt`${pictureOf(first!)}${question}`, { temperature: 0 })).toBe(
      text,
    );
    const next = second!.asked.at(0)!.question;
    const later = await session.prompt(await vlm.vision.prompt`${pictureOf(second!)}${next}`, { temperature: 0 });
    session.dispose();
    await sequence.dispose();
    const whole = await vlm.chat([
      { role: "user", content: [{ image: pictureOf(first!) }, question] },
      { role: "assistant", content: text },
      { role: "user", content: [{ image: pictureOf(second!) }, next] },
    ]);
    expect(later).toBe(whole.text);
  });

  it("stops at a signal, refuses bad questions and images, and answers the next", async () => {
    const [first] = golden.pictures;
    await expect(vlm.ask(pictureOf(first!), "  ")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(vlm.ask(new Uint8Array(10), "what is it?")).rejects.toMatchObject({ code: "INVALID_IMAGE" });
    await expect(vlm.ask("no-such.png", "what is it?")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(vlm.ask(pictureOf(first!), "what is it?", { signal })).rejects.toThrow("enough");
    const { question, text } = first!.asked[0]!;
    expect(await vlm.ask(pictureOf(first!), question)).toBe(text);
  });
});
