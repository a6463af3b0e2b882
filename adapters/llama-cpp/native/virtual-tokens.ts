/**
 * An image's places in a sequence are numbered as tokens that no vocabulary has: node-llama-cpp keeps and compares them
 * like others, so that what it has already decoded is known again. They never reach llama.cpp as tokens.
 */
const FIRST = 2 ** 30;
export const VIRTUAL_TOKENS = 2 ** 30;

export const isVirtualToken = (token: number): boolean => token >= FIRST;

/** The token of place `index` of the image whose places begin at `base`. */
export const virtualToken = (base: number, index: number): number => FIRST + ((base + index) % VIRTUAL_TOKENS);

/** The inverse: how far `token` lies behind `base`. */
export const placeOf = (token: number, base: number): number =>
  (token - FIRST - base + VIRTUAL_TOKENS) % VIRTUAL_TOKENS;
