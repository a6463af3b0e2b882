/** How a checkpoint names the parts; linears, convolutions and norms without their ".weight" and ".bias". */
export interface VqganNames {
  readonly encoderLevel: (level: number) => string;
  /** `step` counts from the tokens on. */
  readonly decoderLevel: (step: number, levels: number) => string;
  readonly block: (level: string, index: number) => string;
  readonly attention: (level: string, index: number) => string;
  /** Query, key and value are one convolution, `qkv`. */
  readonly fusedAttention?: true;
  readonly middle: (part: "encoder" | "decoder") => {
    readonly before: string;
    readonly attention: string;
    readonly after: string;
  };
  readonly quantConvolution: string;
  readonly postQuantConvolution: string;
}

const attention = (level: string, index: number) => `${level}.attn.${index}`;

/** taming-transformers' names (taming/modules/diffusionmodules/model.py): levels of the decoder count from the pixels. */
export const tamingNames: VqganNames = {
  encoderLevel: (level) => `encoder.down.${level}`,
  decoderLevel: (step, levels) => `decoder.up.${levels - 1 - step}`,
  block: (level, index) => `${level}.block.${index}`,
  attention,
  middle: (part) => ({
    before: `${part}.mid.block_1`,
    attention: `${part}.mid.attn_1`,
    after: `${part}.mid.block_2`,
  }),
  quantConvolution: "quant_conv",
  postQuantConvolution: "post_quant_conv",
};

/** transformers' names of Janus (transformers/models/janus): levels of the decoder count from the tokens. */
export const huggingFaceNames: VqganNames = { ...tamingNames, decoderLevel: (step) => `decoder.up.${step}` };

/** LlamaGen's names (tokenizer/tokenizer_image/vq_model.py), which are Janus' own: levels of the decoder count from the tokens. */
export const llamaGenNames: VqganNames = {
  ...tamingNames,
  encoderLevel: (level) => `encoder.conv_blocks.${level}`,
  decoderLevel: (step) => `decoder.conv_blocks.${step}`,
  block: (level, index) => `${level}.res.${index}`,
  middle: (part) => ({ before: `${part}.mid.0`, attention: `${part}.mid.1`, after: `${part}.mid.2` }),
};

/** VAR's names (models/basic_vae.py). */
export const varNames: VqganNames = { ...tamingNames, fusedAttention: true };

/** Show-o's names (models/modeling_magvitv2.py). */
export const showONames: VqganNames = {
  ...tamingNames,
  quantConvolution: "encoder.quant_conv",
  postQuantConvolution: "decoder.post_quant_conv",
};
