import { monitorEventLoopDelay } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { ChatTemplate, type Vocabulary } from "../../../adapters/prompt/index.ts";
import { VqraeError } from "../../../sdk/index.ts";
import { noteTried } from "../../helpers/tried.ts";

const vocabulary: Vocabulary = {
  file: "a vocabulary",
  special: new Map([["<|end|>", 1]]),
  addedBos: null,
  bosText: "",
  eosText: "<|end|>",
  encode: (text) => [...text].map((character) => character.codePointAt(0) ?? 0),
};
const PLAIN = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|end|>{% endfor %}";
const open = (text: string, signal?: AbortSignal) =>
  ChatTemplate.open({ text, file: "a template" }, vocabulary, { signal });

/** What each does alone; whether it is refused for a limit, or for what it writes. */
const hostile: Readonly<Record<string, string>> = {
  "loops without end": "{% for i in range(1000000000) %}x{% endfor %}",
  "loops in loops": "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
  "doubles a text":
    "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
  "fills the memory with one text":
    "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(25) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | upper }}",
  "calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
  "nests brackets": `{{ ${"(".repeat(20_000)}1${")".repeat(20_000)} }}`,
  "nests conditions": `${"{% if 1 %}".repeat(20_000)}${"{% endif %}".repeat(20_000)}`,
  "nests lists": `{{ ${"[".repeat(50_000)}${"]".repeat(50_000)} }}`,
  "opens blocks without end": "{%".repeat(400_000),
  "is larger than any": "x".repeat(2 * 1024 * 1024),
  "reaches for the process": "{{ ''.constructor.constructor('return process')() }}",
};

describe("a chat template that", () => {
  it.each(Object.entries(hostile))(
    "%s is refused, and stops nothing meanwhile",
    async (_, text) => {
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      const error: unknown = await open(text).catch((cause: unknown) => cause);
      delay.disable();
      expect(VqraeError.isInstance(error) && error.code).toBe("UNSUPPORTED");
      expect(delay.max / 1e6).toBeLessThan(500);
      noteTried("a hostile template", 1);
    },
    30_000,
  );

  it("turns hostile at a message is refused there, and renders the next one", async () => {
    const template = await open(`{% if messages[0].content == 'now' %}${hostile["loops in loops"]}{% endif %}${PLAIN}`);
    const say = (text: string) => template.render([{ role: "user", parts: [text] }]);
    expect((await say("hello")).text).toBe("user: hello<|end|>");
    await expect(say("now")).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("2 seconds"),
    });
    expect((await say("again")).text).toBe("user: again<|end|>");
  }, 30_000);

  it("turns hostile is refused at once too, where a call cannot wait", async () => {
    const template = await open(
      `{% if messages[0].content == 'now' %}${hostile["fills the memory with one text"]}{% endif %}${PLAIN}`,
    );
    const say = (text: string) => template.renderNow([{ role: "user", parts: [text] }]);
    expect(say("hello").text).toBe("user: hello<|end|>");
    expect(() => say("now")).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  }, 60_000);

  it("renders when its caller aborts ends with the caller's reason", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 200);
    await expect(open(hostile["loops in loops"] ?? "", controller.signal)).rejects.toBe(reason);
    expect((await open(PLAIN)).endOfTurn).toBe("<|end|>");
  }, 30_000);
});
