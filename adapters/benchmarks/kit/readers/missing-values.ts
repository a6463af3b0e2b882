/**
 * Texts that pandas takes for a missing value when it reads a table, as VLMEvalKit does: an option "None" is none.
 * Source: pandas, io.parsers, the documented default of `na_values`.
 */
const MISSING = new Set(
  ",#N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null".split(","),
);

export const isMissing = (text: string): boolean => MISSING.has(text);
