import { type Html, html } from "./html.ts";
import type { Score } from "./scores.ts";

/** Two decimals, the interval in brackets. */
export const scoreText = ({ value, low, high }: Score): string =>
  `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;

/** The largest value that a figure can have, by the unit in its name. */
export function fullScale(name: string): number {
  if (!name.endsWith("(points)")) return 100;
  return name.startsWith("perception") ? 2000 : name.startsWith("cognition") ? 800 : 200;
}

/** A bar with the interval as a line over it. */
export function bar(name: string, { value, low, high }: Score, kind = ""): Html {
  const percent = (part: number) => `${((100 * part) / fullScale(name)).toFixed(2)}%`;
  return html`<div class="track ${kind}" title="${scoreText({ value, low, high })}"><div class="fill" style="width:${percent(value)}"></div><div class="whisker" style="left:${percent(low)};width:${percent(high - low)}"></div></div>`;
}
