import { type Html, html, Html as Raw } from "./html.ts";

/** Colours follow the reader's light or dark setting; nothing is loaded from anywhere. */
const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9d9e0; --paper: #fff; --bar: #3b6fd4; --second: #d9822b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #edeef0; --soft: #b0b4ba; --line: #43484e; --paper: #111113; --bar: #6f9df5; --second: #f0a35a; }
}
body { margin: 2rem auto; padding: 0 1rem; max-width: 62rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p.headline { font-size: 2.4rem; margin: .4rem 0; } p.headline small, .soft { color: var(--soft); font-size: 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.bar { width: 45%; } .track { position: relative; height: 1.1rem; margin: .15rem 0; background: color-mix(in srgb, var(--line) 45%, transparent); }
.fill { position: absolute; inset: 0 auto 0 0; background: var(--bar); } .second .fill { background: var(--second); }
.whisker { position: absolute; top: 45%; height: 2px; background: var(--ink); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: .4rem; padding: .8rem; overflow-wrap: anywhere; }
.card img { max-width: 100%; background: #fff; } .card p { margin: .3rem 0; } pre { white-space: pre-wrap; margin: .3rem 0; font: inherit; }
.key { display: inline-block; width: .8rem; height: .8rem; background: var(--bar); } .key.second { background: var(--second); }`;

/** A whole page that stands alone: no scripts, no other file. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Raw(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.text;
}
