import { describe, test } from "vitest";
import { conformanceTests, type MockTokenizerOptions, mockTokenizer } from "../../sdk/testing/index.ts";

const configurations: Record<string, MockTokenizerOptions> = {
  "as it comes": {},
  "several codes a token": { codebook: { size: 32, codesPerToken: 4 }, grid: { rows: 2, columns: 3 } },
  "a codebook of one code": { codebook: { size: 1, dim: 1 } },
  "features only": { codebook: null, embeddingDim: null, classToken: false },
  "ids only": { featureDim: null },
  "an encoder alone": { codebook: null, embeddingDim: null },
  "a decoder of features": { codebook: null, decodes: "features", featureDim: 3 },
  "a decoder of features beside a codebook": { decodes: "features" },
  "a decoder that samples": { samples: true },
  "a codebook without a decoder": { decodes: null },
  "grids per image": { grid: null, maxTokens: 20 },
  "grids per image, several codes a token, samples": { grid: null, codebook: { codesPerToken: 3 }, samples: true },
  slow: { delayMs: 3 },
};

describe.each(Object.entries(configurations))("the mock, %s", (_, options) => {
  for (const { name, run } of conformanceTests(() => mockTokenizer(options))) test(name, run);
});
