import type { Unanswered } from "../run/judge-answers.ts";
import type { Failure, Failures } from "./failures.ts";
import { type Html, html } from "./html.ts";
import { page } from "./page.ts";
import { bar, scoreText } from "./score-bars.ts";
import type { Scores } from "./scores.ts";

/** report.html: the figures with their intervals, how they came about, and wrong answers with their images. */
export function runPage(scores: Scores, failures: Failures): string {
  const title = `${scores.title}, ${scores.profile}, ${scores.model}`;
  const head = scores.scores[scores.headline];
  return page(
    title,
    html`<h1>${scores.title}</h1>
<p class="soft">${scores.model}, profile ${scores.profile}, ${scores.questions} questions${scores.limit === null ? "" : ` (the first ${scores.limit} only)`}</p>
${head ? html`<p class="headline">${head.value.toFixed(2)} <small>${scores.headline}, 95 % interval ${head.low.toFixed(2)} to ${head.high.toFixed(2)}</small></p>` : ""}
<h2>Scores</h2>
<table><thead><tr><th>figure</th><th>value and interval</th><th></th></tr></thead><tbody>
${Object.entries(scores.scores).map(
  ([name, score]) =>
    html`<tr><td>${name}</td><td class="number">${scoreText(score)}</td><td class="bar">${bar(name, score)}</td></tr>
`,
)}</tbody></table>
${protocolTable(scores)}
${unanswered("Images that could not be read", scores.undecodable)}
${unanswered("Questions on which the model failed", scores.failed)}
<h2>Wrong answers</h2>
<p class="soft">${failures.total} answers are not wholly right; ${failures.sample.length} of them, drawn by their ids:</p>
<div class="cards">${failures.sample.map(card)}</div>`,
  );
}

export function protocolTable(scores: Scores): Html {
  const rows = [
    ["prompt", scores.protocol.prompt],
    ["reads answers by", scores.protocol.parser],
    ["formula", scores.protocol.formula],
    ["source", scores.protocol.source],
    ["most tokens of an answer", scores.maxTokens],
    ["letters drawn where none was found", scores.drawn],
    [
      "intervals",
      `percentile bootstrap, ${scores.bootstrap.resamples} resamples of ${scores.groups} groups, seed ${scores.bootstrap.seed}`,
    ],
    ["versions", `vqrae ${scores.versions.vqrae}, Node ${scores.versions.node}, ${scores.versions.platform}`],
    ["finished", scores.finished],
  ] as const;
  const files = scores.data.map(
    ({ name, bytes, sha256 }) => html`<tr><td>${name}</td><td>${bytes} bytes, SHA-256 ${sha256}</td></tr>`,
  );
  return html`<h2>Protocol</h2>
<table><tbody>${rows.map(([name, value]) => html`<tr><td>${name}</td><td>${value}</td></tr>`)}${files}</tbody></table>`;
}

function unanswered(title: string, list: readonly Unanswered[]): Html {
  if (list.length === 0) return html``;
  return html`<h2>${title}</h2>
<p class="soft">${list.length}, counted as wrong</p>
<table><tbody>${list.map(({ id, at, reason }) => html`<tr><td>${id}</td><td>${at}</td><td>${reason}</td></tr>`)}</tbody></table>`;
}

const card = (failure: Failure): Html => html`<div class="card">
${failure.images.map((source) => html`<img src="${source}" alt="">`)}
<pre>${[failure.text, ...failure.options].join("\n")}</pre>
<p>answered <b>${failure.answer}</b>${failure.parsed === failure.answer ? "" : html`, read as <b>${failure.parsed ?? "nothing"}</b>`}</p>
<p>right: <b>${failure.answers.join(" | ")}</b></p>
<p class="soft">${failure.id}${failure.category === "" ? "" : `, ${failure.category}`}</p>
</div>`;
