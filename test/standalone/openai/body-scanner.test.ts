import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyScanner } from "../../../adapters/openai/body/body-scanner.ts";
import type { SentBody } from "../../../adapters/openai/body/sent-body.ts";

const limits = { textBytes: 100_000, values: 1000, fields: 100, depth: 20 };

/** Reads a text in parts of these lengths, one after the other. */
function scan(text: string | Buffer, lengths: readonly number[] = [text.length], most = limits): SentBody {
  const scanner = new BodyScanner(most);
  const bytes = Buffer.from(text);
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = Math.max(1, lengths[i % lengths.length] ?? 1);
    scanner.push(bytes.subarray(at, at + length));
    at += length;
  }
  return scanner.end();
}

/** The value with its images as data: URLs again. */
async function restored({ json, images }: SentBody): Promise<unknown> {
  const urls = new Map<string, string>();
  for (const [key, image] of images) {
    urls.set(key, `data:image/png;base64,${Buffer.from((await image.bytes()) ?? []).toString("base64")}`);
  }
  const back = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(back);
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, back(inner)]));
    }
    return (typeof value === "string" ? urls.get(value) : undefined) ?? value;
  };
  return back(json);
}

const image = fc
  .uint8Array({ maxLength: 60 })
  .map((bytes) => `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`);
const text = fc.oneof(fc.string({ unit: "binary" }), image, fc.constantFrom("\\", '"', '\\"', "data:image/", "url"));
const { body } = fc.letrec((tie) => ({
  body: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true),
    fc.array(tie("body"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom("url", "image", "image_url", "text")), tie("body"), { maxKeys: 4 }),
  ),
}));
const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
const noZero = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("a body in parts", () => {
  it("is what JSON.parse makes of it, with its images decoded", async () => {
    const styles = [(json: string) => json, (json: string) => json.replaceAll("/", "\\/"), escapedPlus];
    await fc.assert(
      fc.asyncProperty(body, lengths, fc.constantFrom(...styles), async (value, parts, style) => {
        expect(await restored(scan(style(JSON.stringify(value)), parts))).toEqual(noZero(value));
      }),
      { numRuns: 2000 },
    );
  });

  it("is refused where JSON.parse refuses it, at any byte", () => {
    const whole = JSON.stringify({ a: ['x\\"', { url: "data:image/png;base64,AAAA" }], b: { c: -1.5e3 } });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(127), lengths, (place, code, parts) => {
        const other = whole.slice(0, place) + String.fromCharCode(code) + whole.slice(place + 1);
        const parsed = outcome(() => JSON.parse(other));
        const scanned = outcome(() => scan(other, parts).json);
        // Inside an image other characters are looked at when the image is read.
        if (!/base64,[^"]*$/.test(other.slice(0, place))) expect(scanned === undefined).toBe(parsed === undefined);
      }),
      { numRuns: 3000 },
    );
  });

  it("keeps an image only where images are: a text that looks like one is a text", () => {
    const url = "data:image/png;base64,AAAA";
    const { json, images } = scan(
      JSON.stringify({ text: url, image: [url, url], image_url: { url }, other: { u: url } }),
    );
    expect(images.size).toBe(3);
    expect(json).toMatchObject({ text: url, other: { u: url } });
  });
});

describe("base64", () => {
  const bytesOf = async (data: string, parts?: number[]) => {
    const { json, images } = scan(JSON.stringify({ url: `data:image/png;base64,${data}` }), parts);
    return (await images.get((json as { url: string }).url)?.bytes()) ?? null;
  };

  it("is read as atob reads it, and refused where atob refuses it", async () => {
    const digits = fc.string({ unit: fc.constantFrom(..."ABcd09+/== \n\t!-_é\\") });
    await fc.assert(
      fc.asyncProperty(digits, lengths, async (data, parts) => {
        const expected = outcome(() => Uint8Array.from(Buffer.from(atob(data), "latin1")));
        expect((await bytesOf(data, parts)) ?? undefined).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("what a body may have", () => {
  it.each([
    ["depth", `${"[".repeat(21)}${"]".repeat(21)}`, `${"[".repeat(20)}${"]".repeat(20)}`],
    ["values", `[${"{},".repeat(1000)}{}]`, `[${"1,".repeat(990)}1]`],
    [
      "fields",
      `{${Array.from({ length: 101 }, (_, i) => `"a${i}":1`).join()}}`,
      `{${Array.from({ length: 100 }, (_, i) => `"a${i}":1`).join()}}`,
    ],
  ])("%s", (_name, tooMuch, within) => {
    expect(() => scan(tooMuch, [7])).toThrow(expect.objectContaining({ status: 400, code: "body_too_complex" }));
    expect(scan(within, [7]).json).toEqual(JSON.parse(within));
  });

  it("brackets inside strings count nothing", () => {
    expect(scan(JSON.stringify(["[{,:".repeat(2000)])).json).toEqual(["[{,:".repeat(2000)]);
  });

  it("bytes of text, while an image has as many as the body may", async () => {
    const large = JSON.stringify({ url: `data:image/png;base64,${"A".repeat(400_000)}` });
    expect(await [...scan(large).images.values()][0]?.bytes()).toHaveLength(300_000);
    for (const field of ["text", "url"]) {
      const body = JSON.stringify({ [field]: "A".repeat(100_001) });
      expect(() => scan(body, [1000])).toThrow(expect.objectContaining({ status: 413 }));
    }
  });
});

/** As .NET writes it. */
const escapedPlus = (json: string): string => json.replaceAll(/(?<=base64,[\w/+]*)\+/g, "\\u002B");

function outcome<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
