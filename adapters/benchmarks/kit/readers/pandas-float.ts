const NUMBER = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;
/** Digits behind these change no more than the exponent. */
const MAX_DIGITS = 17;
const MAX_EXPONENT = 308;

/**
 * A decimal number as pandas reads it, which is not the nearest double: its first 17 digits, zeros in front counted, times or
 * over a power of ten.
 * Source: pandas, pandas/_libs/src/parser/tokenizer.c, `precise_xstrtod`, the default of `read_csv`.
 *
 * @param text a number such as "1.50" or "-3e2", without outer space
 */
export function pandasFloat(text: string): number {
  const [, sign, whole = "", decimals = "", written = "0"] = NUMBER.exec(text) ?? [];
  const kept = whole.slice(0, MAX_DIGITS);
  const keptDecimals = decimals.slice(0, MAX_DIGITS - kept.length);
  let number = 0;
  for (const digit of kept + keptDecimals) number = number * 10 + Number(digit);
  if (sign === "-") number = -number;
  const exponent = whole.length - kept.length - keptDecimals.length + Number(written);
  if (exponent > MAX_EXPONENT) return number === 0 ? number : number * Number.POSITIVE_INFINITY;
  if (exponent > 0) return number * powerOfTen(exponent);
  if (exponent >= -MAX_EXPONENT) return number / powerOfTen(-exponent);
  return number / powerOfTen(Math.min(MAX_EXPONENT, -MAX_EXPONENT - exponent)) / powerOfTen(MAX_EXPONENT);
}

const powerOfTen = (exponent: number): number => Number(`1e${exponent}`);
