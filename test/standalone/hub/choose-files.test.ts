import { describe, expect, test } from "vitest";
import { chooseFiles } from "../../../adapters/hub/choose-files.ts";
import { parseModelName } from "../../../adapters/hub/model-name.ts";

const choose = (quant: string | null, ...paths: string[]) => chooseFiles(paths, quant, "o/r");

describe("chooseFiles", () => {
  const files = ["README.md", "M-F16.gguf", "M-Q4_K_M.gguf", "M-Q8_0.gguf", "mmproj-M-F16.gguf", "mmproj-M-Q8_0.gguf"];

  test.each([
    [null, "M-Q4_K_M.gguf"],
    ["Q8_0", "M-Q8_0.gguf"],
    ["F16", "M-F16.gguf"],
  ])("quantization %s gives %s and the F16 mmproj", (quant, llm) => {
    expect(choose(quant, ...files)).toEqual({ llm: [llm], mmproj: "mmproj-M-F16.gguf" });
  });

  test("without Q4_K_M it is Q8_0, and without both the first", () => {
    expect(choose(null, "M-Q8_0.gguf", "M-F16.gguf", "mmproj.gguf").llm).toEqual(["M-Q8_0.gguf"]);
    expect(choose(null, "M-Q6_K.gguf", "M-F16.gguf", "mmproj.gguf").llm).toEqual(["M-F16.gguf"]);
    expect(choose(null, "model.gguf", "mmproj-model-f16.gguf").llm).toEqual(["model.gguf"]);
  });

  test("all parts of a model, first one first; what is beside a model is none", () => {
    const parts = ["q/M-Q4_K_M-00002-of-00002.gguf", "q/M-Q4_K_M-00001-of-00002.gguf"];
    expect(choose(null, ...parts, "imatrix-Q4_K_M.gguf", "mtp-M-Q4_K_M.gguf", "mmproj-f16.gguf")).toEqual({
      llm: [parts[1], parts[0]],
      mmproj: "mmproj-f16.gguf",
    });
    expect(() => choose(null, "q/M-Q4_K_M-00001-of-00002.gguf", "mmproj.gguf")).toThrow(/2 parts .* received 1/s);
  });

  test("the mmproj in the nearest folder, and never one of another folder", () => {
    expect(choose("Q8_0", "a/M-Q8_0.gguf", "b/mmproj-F16.gguf", "mmproj-F16.gguf", "a/mmproj-Q8_0.gguf").mmproj).toBe(
      "a/mmproj-Q8_0.gguf",
    );
    expect(() => choose(null, "a/M-Q8_0.gguf", "b/mmproj-F16.gguf")).toThrow(/an mmproj file .*text alone/s);
  });

  test("a repository without GGUF files, and a quantization that it does not have", () => {
    expect(() => choose(null, "model.safetensors")).toThrow(/a GGUF language model for the repository o\/r .*-GGUF/s);
    expect(() => choose("Q2_K", ...files)).toThrow(/the quantization Q2_K .* F16, Q4_K_M, Q8_0/s);
  });
});

describe("parseModelName", () => {
  test.each([
    ["hf:a/b", { repo: "a/b", quant: null, revision: "main" }],
    ["a/b:q8_0", { repo: "a/b", quant: "Q8_0", revision: "main" }],
    ["hf:a/b:Q4_K_M@v1.0", { repo: "a/b", quant: "Q4_K_M", revision: "v1.0" }],
  ])("%s", (text, name) => {
    expect(parseModelName(text)).toEqual(name);
  });

  test.each(["", "b", "a/b/c", "../b", "a/..", "hf:a/b@../x", "a b/c", 5 as never])("%j is refused", (text) => {
    expect(() => parseModelName(text)).toThrow(/owner\/repo/);
  });
});
