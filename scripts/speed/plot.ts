/**
 * Draws the ratios of docs/speed.md's tables, but those that compare the package with what it was:
 *
 *   node scripts/speed/plot.ts docs/speed.md docs/images/speed.svg
 *
 * A row for each side that a table compares with its first: to the right of the line it is faster. The page's tables are the only source.
 */
import { readFile, writeFile } from "node:fs/promises";

/** The sections that are drawn, by their headings, and what a ratio is of. */
const sections: Record<string, "times" | "rates"> = {
  "One photo, from file to features": "times",
  "A 12-megapixel photo, decoded to what its view needs": "times",
  "A stream of photos of 640 px": "rates",
  "Opening a model of 16-bit weights": "times",
  "Many tiles and many patches": "times",
  "A CNN tokenizer": "times",
  "Several images from words at once": "rates",
};

interface Point {
  readonly section: string;
  readonly label: string;
  /** How many times as fast as the first row. */
  readonly faster: number;
}

const [page, picture] = process.argv.slice(2);
if (!page || !picture) throw new Error("Expected docs/speed.md and the SVG file to write.");

const cellsOf = (line: string) =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const plain = (text: string) => text.replaceAll(/[`*]/g, "");

/** A table is named by the sentence above it, where its section has several. */
function pointsOf(markdown: string): Point[] {
  const points: (Point & { readonly table: string })[] = [];
  let [section, before, head]: [string, string, string[] | null] = ["", "", null];
  for (const line of markdown.split("\n")) {
    const heading = /^##+ (.*)/.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    if (!line.startsWith("|")) {
      if (line.trim() !== "") before = line;
      head = null;
    } else if (head === null) head = cellsOf(line);
    else if (section in sections) {
      const [name = "", ...cells] = cellsOf(line);
      for (const [i, cell] of cells.entries()) {
        const ratio = Number(/(\d+\.\d+)x/.exec(cell)?.[1] ?? Number.NaN);
        if (Number.isNaN(ratio) || ratio === 1) continue;
        const faster = sections[section] === "times" ? 1 / ratio : ratio;
        const table = /[^.;]*$/.exec(before.replace(/:$/, ""))![0].trim();
        points.push({ section, table, label: plain(`${name}, ${head[i + 1]}`), faster });
      }
    }
  }
  const tables = (section: string) =>
    new Set(points.filter((one) => one.section === section).map(({ table }) => table));
  return points.map(({ table, ...point }) =>
    tables(point.section).size === 1 ? point : { ...point, label: `${table}: ${point.label}` },
  );
}

const ROW = 17;
const [LEFT, WIDTH, RIGHT] = [470, 420, 60];
const [LEAST, MOST] = [1 / 2, 32];
const x = (faster: number) => LEFT + (WIDTH * Math.log2(faster / LEAST)) / Math.log2(MOST / LEAST);
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function draw(points: readonly Point[]): string {
  const parts: string[] = [];
  let y = 44;
  let section = "";
  for (const point of points) {
    if (point.section !== section) {
      section = point.section;
      y += 14;
      parts.push(`<text x="10" y="${y}" font-weight="bold">${escaped(section)}</text>`);
      y += ROW;
    }
    const at = x(Math.min(MOST, Math.max(LEAST, point.faster)));
    const colour = point.faster >= 1 ? "#1a7f37" : "#b35900";
    parts.push(
      `<text x="${LEFT - 8}" y="${y}" text-anchor="end">${escaped(point.label)}</text>`,
      `<line x1="${x(1)}" y1="${y - 4}" x2="${at.toFixed(1)}" y2="${y - 4}" stroke="${colour}" stroke-width="5"/>`,
      `<text x="${LEFT + WIDTH + RIGHT - 8}" y="${y}" text-anchor="end">${point.faster.toFixed(2)}x</text>`,
    );
    y += ROW;
  }
  const height = y + 6;
  const ticks = [0.5, 1, 2, 4, 8, 16, 32].map(
    (tick) =>
      `<line x1="${x(tick)}" y1="34" x2="${x(tick)}" y2="${height - 10}" stroke="${tick === 1 ? "#333" : "#ddd"}"/>` +
      `<text x="${x(tick)}" y="28" text-anchor="middle">${tick}x</text>`,
  );
  const size = `width="${LEFT + WIDTH + RIGHT}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11" fill="#222">
<title>Ratios of speed</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="28" font-weight="bold">How many times as fast as each table's first side</text>
${[...ticks, ...parts].join("\n")}
</svg>
`;
}

const points = pointsOf(await readFile(page, "utf8"));
for (const section of Object.keys(sections)) {
  if (points.some((point) => point.section === section)) continue;
  throw new Error(`Expected a table of ratios below "${section}" in ${page} but received none.`);
}
await writeFile(picture, draw(points));
console.log(`${points.length} ratios`);
