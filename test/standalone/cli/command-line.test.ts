import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { reportError } from "../../../cli/command/report-error.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { photo, runCli, tinyEncoder, tinyModel } from "./run-cli.ts";

test("--version prints the package's version", async () => {
  expect(await runCli("--version")).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: "" });
});

test("no command, or --help, lists the commands", async () => {
  const [bare, help] = await Promise.all([runCli(), runCli("--help")]);
  expect(help).toEqual(bare);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  for (const name of ["reconstruct", "encode", "inspect", "devices"]) expect(help.stdout).toContain(name);
});

test.each(["reconstruct", "encode", "inspect", "devices"])(
  "%s --help has examples, and no colour where it is piped",
  async (name) => {
    const { code, stdout, stderr } = await runCli(name, "--help");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`USAGE vqrae ${name}`);
    expect(stdout).toMatch(new RegExp(`EXAMPLES\\n\\n {2}vqrae ${name}`));
    expect(stdout).not.toContain("\u001b");
  },
);

const notAnImage = fileURLToPath(new URL("../../../package.json", import.meta.url));
const wrong: [string[], string | RegExp][] = [
  [["decode"], /Expected one of reconstruct, encode, .*, devices for the command but received "decode"\./],
  [["constructor"], /Expected one of reconstruct, encode, .*, devices for the command/],
  [["encode"], "Expected <images> for the arguments of vqrae encode but received none."],
  [["encode", ""], "Expected a path for argument 1 of vqrae encode"],
  [["encode", photo, "--fast"], 'for an option of vqrae encode but received "--fast".'],
  [["encode", photo, "--no-ids"], 'for an option of vqrae encode but received "--no-ids".'],
  [["encode", photo, "--out"], "Expected a value for --out but received nothing."],
  [["encode", photo, "--out="], "Expected a value for --out but received nothing."],
  [["encode", photo, "--model", "--ids"], 'Expected a value for --model but received "--ids".'],
  [["encode", photo, "--ids=no"], 'Expected no value for --ids but received "no".'],
  [["encode", photo, "--out", "tokens.txt"], "Expected a name ending in .json, .npz, .safetensors"],
  [["encode", photo, "--out", "nowhere/tokens.npz"], "Expected a folder that exists for the output file"],
  [["encode", "missing.jpg", "--model", tinyModel], "missing.jpg"],
  [["encode", photo, notAnImage, "--model", tinyModel], "package.json"],
  [["encode", photo, "--ids", "--model", tinyEncoder], "Expected a checkpoint with a codebook"],
  [["encode", photo, "--model", "nowhere"], "nowhere"],
  [["reconstruct", photo], "Expected <image> <output> for the arguments of vqrae reconstruct"],
  [["reconstruct", photo, "a.png", "b.png"], "Expected only <image> <output>"],
  [["reconstruct", photo, "out.jpg"], "Expected a name ending in .png"],
  [["reconstruct", "same.png", "./same.png"], "Expected another file than the input"],
  [["reconstruct", photo, "out.png", "--model", tinyEncoder], "Expected a checkpoint with a codebook"],
  [["inspect", "nowhere"], "nowhere"],
  [["inspect", photo], "It is no safetensors file"],
];

describe("a user's error is one line, exit code 1 and nothing on standard output", () => {
  test.each(wrong)("vqrae %j", async (args, message) => {
    const { code, stdout, stderr } = await runCli(...args);
    if (typeof message === "string") expect(stderr).toContain(message);
    else expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^vqrae: .+\n$/);
    expect([code, stdout]).toEqual([1, ""]);
  });
});

test("with --json the error is an object on standard output too", async () => {
  const { code, stdout, stderr } = await runCli("encode", "missing.jpg", "--model", tinyModel, "--json");
  const { error } = JSON.parse(stdout);
  expect(code).toBe(1);
  expect(error.code).toMatch(/^[A-Z_]+$/);
  expect(stderr).toBe(`vqrae: ${error.message}\n`);
});

test("what nobody expected shows its trace and asks for a report", () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    expect(reportError(new TypeError("x is undefined"), [])).toBe(70);
    expect(write.mock.calls.join("")).toMatch(/TypeError: x is undefined\n +at .*Please report it/s);
  } finally {
    write.mockRestore();
  }
});
