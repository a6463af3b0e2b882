import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isSupported } from "../../adapters/llama-cpp/native/node-llama-cpp.ts";
import packageJson from "../../package.json" with { type: "json" };
import { INSTALL_MS, install, pack, run, testFolder } from "./packed.ts";

/** The releases that were tried: the oldest of the peer range, and the newest there was. */
const tried = ["3.21.1", "3.22.1"];

interface Golden {
  readonly pictures: readonly {
    readonly image: string;
    readonly asked: readonly { question: string; text: string }[];
  }[];
}
const golden: Golden = JSON.parse(await readFile(new URL("../golden/vlm/vlm.json", import.meta.url), "utf8"));
const asked = golden.pictures.slice(0, 6).map(({ image, asked }) => ({ image, asked: asked.slice(0, 3) }));

/** Asks each question in an installed project, in one conversation a picture. */
const program = `
import { loadVlm } from "vqrae/llama-cpp";
const pictures = ${JSON.stringify(asked)};
const vlm = await loadVlm("default", { gpu: false, contextSize: 1024, threads: 1 });
const answers = [];
for (const { image, asked } of pictures) {
  for (const { question } of asked) answers.push(await vlm.ask(Buffer.from(image, "base64"), question));
}
await vlm.dispose();
console.log(JSON.stringify(answers));
`;

test.each(tried)(
  "node-llama-cpp %s: the answers are those of transformers",
  { timeout: INSTALL_MS },
  async (version) => {
    expect(isSupported(version)).toBe(true);
    const folder = await testFolder();
    const project = join(folder, "project");
    const packages = [await pack(folder), `node-llama-cpp@${version}`, `koffi@${packageJson.peerDependencies.koffi}`];
    await install(project, packages, "--ignore-scripts");
    await writeFile(join(project, "ask.js"), program);
    const { stdout } = await run(process.execPath, ["ask.js"], { cwd: project });
    expect(JSON.parse(stdout)).toEqual(asked.flatMap((picture) => picture.asked.map(({ text }) => text)));
  },
);

test("the range is the one of package.json, and takes no prerelease", () => {
  expect(packageJson.peerDependencies["node-llama-cpp"]).toBe(`^${tried[0]}`);
  expect(["3.21.1", "3.21.4", "3.22.0", "3.99.0"].map(isSupported)).toEqual([true, true, true, true]);
  expect(["3.21.0", "3.20.9", "2.99.0", "4.0.0", "3.22.1-beta.1", ""].map(isSupported)).toEqual(Array(6).fill(false));
});
