import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { reportError } from "../../../cli/command/report-error.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { photo, runCli, tinyEncoder, tinyModel } from "./run-cli.ts";

test("--version prints the package's version", async () => {
  expect(await runCli("--version")).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: "" });
});

const notAnImage = fileURLToPath(new URL("../../../package.json", import.meta.url));
const wrong: [string[], string | RegExp][] = [
  [["decode"], /Expected one of reconstruct, encode, .*, devices for the command but received "decode"\./],
  [["constructor"], /Expected one of reconstruct, encode, .*, devices for the command/],
  [["encode"], "Expected <images...> for the arguments of vqrae encode but received none."],
  [["encode", ""], "Expected a text that is not empty for <images...> of vqrae encode"],
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
  [["evaluate"], "Expected one of reconstruction, geneval, dpg-bench for the command of vqrae evaluate"],
  [["evaluate", "vqa"], 'for the command of vqrae evaluate but received "vqa". See `vqrae evaluate --help`.'],
  [["devices", "cpu"], "Expected options only for the arguments of vqrae devices but received 1: cpu."],
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

describe("with --json the error is an object on standard output too", () => {
  test("its code and message", async () => {
    const { code, stdout, stderr } = await runCli("encode", "missing.jpg", "--model", tinyModel, "--json");
    const { error } = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(error.code).toMatch(/^[A-Z_]+$/);
    expect(stderr).toBe(`vqrae: ${error.message}\n`);
  });

  test("the place and the path of the image at fault, over more images than are encoded in one step", async () => {
    const images = [...Array.from({ length: 40 }, () => photo), notAnImage];
    const { stdout } = await runCli("encode", ...images, "--model", tinyModel, "--json");
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({ code: "INVALID_IMAGE", index: 40, path: notAnImage });
    expect(error.message).not.toContain("images[");
  });

  test("the path of an output that cannot be", async () => {
    const { stdout } = await runCli("encode", photo, "--out", "nowhere/tokens.npz", "--json");
    expect(JSON.parse(stdout).error).toMatchObject({ code: "INVALID_ARGUMENT", path: "nowhere/tokens.npz" });
  });

  test("not for a file of that name", async () => {
    const { code, stdout } = await runCli("encode", "--model", tinyModel, "--", "--json");
    expect([code, stdout]).toEqual([1, ""]);
  });
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
