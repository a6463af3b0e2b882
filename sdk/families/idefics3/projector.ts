import { looseSection, positiveInteger } from "../fields/config-fields.ts";
import { layout, linear, textConfig, widthInto } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

const around = "<fake_token_around_image>";

/** Idefics3 and SmolVLM (transformers/models/idefics3): tiles by their row and column, then the whole image. */
export const idefics3 = defineProjectorFamily({
  type: "idefics3",
  modelTypes: ["idefics3", "smolvlm"],
  marker: null,
  config: looseSection({ scale_factor: positiveInteger.default(2), text_config: textConfig }),
  landmark: "connector.modality_projection.proj.weight",
  read({ scale_factor: factor, text_config }, tensors) {
    const projection = linear(tensors, "connector.modality_projection.proj", {
      bias: false,
      out: text_config?.hidden_size,
    });
    return {
      inputDim: widthInto(projection) / factor ** 2,
      features: { layers: [-1], tokens: "all" },
      ops: [{ op: "pixel_shuffle", factor }, projection],
      layout: layout({
        suffix: around,
        tiles: {
          kind: "separate",
          tile: `${around}<row_{row}_col_{column}>`,
          rowEnd: "\n",
          whole: `\n${around}<global-img>`,
          wholeAlone: `${around}<global-img>`,
        },
      }),
    };
  },
});
