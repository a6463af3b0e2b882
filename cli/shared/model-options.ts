import { flag, option, type Values } from "../command/option.ts";
import { oneOf, text, type ValueType, wholeNumber } from "../command/value-types.ts";

export const json = flag("Print JSON on standard output");

export const verbose = flag("Print progress on standard error even if it is not a terminal");

export const modelOption = (about: string) =>
  option(text("folder"), about, { default: "default", shownDefault: "the small one that ships" });

export const model = modelOption("The tokenizer's checkpoint folder");

const folder = text("folder");
const OWN_CACHE = "vqrae in your cache folder";

/** The folder that is looked after. */
export const cacheDir = option(folder, "The folder that holds them", { shownDefault: OWN_CACHE });

/** A folder, or false. */
const cacheFolder: ValueType<string | false> = {
  hint: "folder|off",
  read(given, name) {
    const read = folder.read(given, name);
    return read === "off" ? false : read;
  },
};

/** How a tokenizer is loaded, whichever it is. */
export const loadOptions = {
  precision: option(oneOf("fp32", "int8"), "Arithmetic of the encoder. int8 is faster and a little less exact", {
    shownDefault: "fp32",
  }),
  cacheDir: option(
    cacheFolder,
    "Where weights that are made, and converted language models, are kept. off keeps none",
    {
      shownDefault: OWN_CACHE,
    },
  ),
  maxPixels: option(wholeNumber("count", { least: 1 }), "Refuse an image with more pixels", {
    shownDefault: "100 million",
  }),
  verbose,
};

/** How commands that only encode read photos; others read them as the figures need. */
export const decoding = option(
  oneOf("exact", "scaled"),
  "scaled decodes large JPEGs to fewer pixels: faster, and a little less exact",
  { shownDefault: "exact" },
);

/** What commands that load a tokenizer take. */
export const tokenizerOptions = { model, ...loadOptions };

export type TokenizerArgs = Values<typeof tokenizerOptions> & Partial<Values<{ decoding: typeof decoding }>>;

const GPUS = oneOf("auto", "cuda", "vulkan", "metal", "off");

const gpuType: ValueType<"auto" | "cuda" | "vulkan" | "metal" | false> = {
  hint: GPUS.hint,
  read(given, name) {
    const found = GPUS.read(given, name);
    return found === "off" ? false : found;
  },
};

export const gpu = option(gpuType, "Where llama.cpp runs the language model", { default: "auto" });
