import type { Comparison } from "./comparison.ts";
import { html } from "./html.ts";
import { page } from "./page.ts";
import { bar, scoreText } from "./score-bars.ts";

/** Rows of the table of questions. */
const MOST = 200;

/** Two runs side by side: figures, bars, the tests, and the questions on which they differ. */
export function comparisonPage(comparison: Comparison): string {
  const { runs, scores, changed, difference } = comparison;
  const [first, second] = runs;
  return page(
    `${comparison.title}: ${first.model} and ${second.model}`,
    html`<h1>${comparison.title}</h1>
<p class="soft"><span class="key"></span> ${first.model} &nbsp; <span class="key second"></span> ${second.model} &nbsp; profile ${first.profile}, ${first.questions} questions</p>
<p class="headline">${signed(difference.difference)} <small>${comparison.headline}, second minus first, 95 % interval ${signed(difference.interval[0])} to ${signed(difference.interval[1])}</small></p>
<ul>${testSentences(comparison).map((sentence) => html`<li>${sentence}</li>`)}</ul>
<h2>Scores</h2>
<table><thead><tr><th>figure</th><th>first</th><th>second</th><th></th></tr></thead><tbody>
${Object.entries(scores).map(
  ([name, [one, other]]) =>
    html`<tr><td>${name}</td><td class="number">${scoreText(one)}</td><td class="number">${scoreText(other)}</td><td class="bar">${bar(name, one)}${bar(name, other, "second")}</td></tr>
`,
)}</tbody></table>
<h2>Questions on which they differ</h2>
<p class="soft">${changed.length}${changed.length > MOST ? `, the first ${MOST} of them` : ""}</p>
<table><thead><tr><th>question</th><th>right</th><th>first</th><th>second</th></tr></thead><tbody>
${changed.slice(0, MOST).map(
  ({ id, answers, parsed, scores: [one, other] }) =>
    html`<tr><td>${id}</td><td>${answers.join(" | ")}</td><td>${parsed[0] ?? "nothing"} (${one})</td><td>${parsed[1] ?? "nothing"} (${other})</td></tr>
`,
)}</tbody></table>`,
  );
}

/** What the tests say, in sentences. */
export function testSentences({ mcNemar, difference, bootstrap }: Comparison): string[] {
  const paired = `Paired bootstrap of the headline, ${bootstrap.resamples} resamples, seed ${bootstrap.seed}: p = ${pValue(difference.p)}.`;
  if (!mcNemar) return [paired];
  const { onlyFirst, onlySecond, p } = mcNemar;
  return [
    `McNemar's exact test, two-sided: ${onlyFirst} right in the first run only, ${onlySecond} in the second only, p = ${pValue(p)}.`,
    paired,
  ];
}

const pValue = (p: number): string => (p < 0.001 ? p.toExponential(1) : p.toFixed(3));
const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
