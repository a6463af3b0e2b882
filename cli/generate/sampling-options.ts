import { setFields } from "../../sdk/kit.ts";
import { option, type Values } from "../command/option.ts";
import { number, oneOf, wholeNumber } from "../command/value-types.ts";

/** How the ids of an image are drawn. */
export const samplingOptions = {
  guidance: option(number("scale"), "How closely to follow the prompt. 1 is no guidance"),
  temperature: option(number("number"), "How freely to draw. 0 always takes the likeliest id"),
  topK: option(wholeNumber("count"), "Draw from this many of the likeliest ids. 0 is all"),
  topP: option(number("share"), "Draw from the likeliest ids that have this share together. 1 is all"),
};

/** Those that are given, by the names that the SDK has for them. */
export const samplingFields = ({ guidance, temperature, topK, topP }: Values<typeof samplingOptions>) =>
  setFields({ guidanceScale: guidance, temperature, topK, topP });

/** How pictures of one call share the work. */
export const batch = option(
  oneOf("exact", "always"),
  "How pictures share the work: exact keeps each as it is alone, always takes the most speed",
  { default: "exact" },
);
