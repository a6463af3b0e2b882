import { resize } from "../../sdk/index.ts";
import { defineEncoder } from "../../sdk/kit.ts";

const grid = { rows: 8, columns: 8 };

/** Each token is the colour of one of 8 x 8 cells. */
export const loadColours = () =>
  defineEncoder({
    info: {
      modelId: "colours",
      inputSize: { width: 8, height: 8 },
      grid,
      maxTokens: 64,
      featureDim: 3,
      codebook: null,
    },
    encode(image) {
      const { data } = resize(image, 8, 8, "bilinear");
      return { grid, features: Float32Array.from(data, (level) => level / 127.5 - 1) };
    },
  });
