import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VQRAE } from "../../sdk/index.ts";
import { runCli } from "../standalone/cli/run-cli.ts";

/** The same arithmetic in another order, on logits up to about 10. */
const tolerance = 2e-3;

const photo = (name: string) => fileURLToPath(new URL(`../../examples/images/${name}`, import.meta.url));
/** What transformers makes of the shipped files: test/golden/deit-tiny/make_deit.py. */
const { logits }: { logits: Record<string, number[]> } = JSON.parse(
  await readFile(new URL("../golden/deit-tiny/logits.json", import.meta.url), "utf8"),
);

test("the classifier that ships has transformers' logits for every example photo", async () => {
  await using model = await VQRAE.load("deit-tiny", { device: "cpu" });
  expect(model.labels).toHaveLength(1000);
  expect(Object.keys(logits)).toEqual(["astronaut.jpg", "cat.jpg", "coffee.jpg", "rocket.jpg"]);
  for (const [name, wanted] of Object.entries(logits)) {
    const classes = await model.classify(photo(name), { count: 1000 });
    for (const { index, logit } of classes) expect(Math.abs(logit - wanted[index]!)).toBeLessThan(tolerance);
  }
});

test("`vqrae classify` takes it where no model is named", async () => {
  const { code, stdout } = await runCli("classify", photo("coffee.jpg"), "--top", "1", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    model: "deit-tiny",
    images: [{ classes: [{ label: "espresso" }] }],
  });
});
