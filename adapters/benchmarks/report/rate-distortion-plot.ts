import type { ImageCodec, TokenizerComparison } from "../../../sdk/evaluation/index.ts";
import { type Html, html, Html as Raw } from "./html.ts";

/** Of Okabe and Ito, which colour-blind eyes tell apart; the last two are none of theirs. */
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7a5195", "#3f3f46"];
const DASHES: Readonly<Record<ImageCodec, string>> = {
  jpeg: "none",
  webp: "7 4",
  avif: "2 4",
  "avif-payload": "1 3 6 3",
};
/** As people write them. */
export const codecNames: Readonly<Record<ImageCodec, string>> = {
  jpeg: "JPEG",
  webp: "WebP",
  avif: "AVIF",
  "avif-payload": "AVIF's payload",
};

const [WIDTH, HEIGHT] = [720, 380];
const PLOT = { left: 62, right: 510, top: 40, bottom: 330 };

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Series {
  readonly name: string;
  readonly colour: string;
  /** Of a codec's line; null for a tokenizer, which is one point. */
  readonly dash: string | null;
  readonly points: readonly Point[];
}

interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
}

/**
 * What rates cost and keep, as SVG: a chart for each size of pictures and each measure. Tokenizers are points, codecs lines over
 * their qualities. Rates are in powers of two.
 */
export function rateDistortionPlot(comparison: TokenizerComparison): string {
  const charts = chartsOf(comparison);
  const height = HEIGHT * charts.length;
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#1c2024"><rect width="100%" height="100%" fill="#fff"/>
${charts.map((chart, i) => html`<g transform="translate(0 ${i * HEIGHT})">${drawn(chart)}</g>`)}
</svg>
`.text;
}

function chartsOf({ tokenizers, curves }: TokenizerComparison): Chart[] {
  const sizes = new Set(tokenizers.map(({ outputSize }) => sizeName(outputSize)));
  return [...sizes].flatMap((size) => {
    const own = tokenizers.flatMap((tokenizer, i) => {
      const colour = COLOURS[i % COLOURS.length] ?? "#000";
      return sizeName(tokenizer.outputSize) === size ? [{ ...tokenizer, colour }] : [];
    });
    const codecs = curves.find(({ outputSize }) => sizeName(outputSize) === size)?.codecs ?? [];
    const chart = (
      title: string,
      of: {
        tokenizer(report: (typeof own)[number]["reconstruction"]): number | null;
        codec(point: (typeof codecs)[number]["points"][number]): number | null;
      },
    ): Chart => ({
      title: `${title}, pictures of ${size} pixels`,
      series: [
        ...codecs.map(({ codec, points }) => ({
          name: codecNames[codec],
          colour: "#60646c",
          dash: DASHES[codec],
          points: points.flatMap((point) => pointOf(point.bitsPerPixel, of.codec(point))),
        })),
        ...own.map(({ name, colour, rate, reconstruction }) => ({
          name,
          colour,
          dash: null,
          points: rate ? pointOf(rate.bitsPerPixel, of.tokenizer(reconstruction)) : [],
        })),
      ].filter(({ points }) => points.length > 0),
    });
    return [
      chart("PSNR in dB", { tokenizer: ({ psnr }) => psnr.mean, codec: ({ psnr }) => psnr }),
      chart("SSIM Gaussian", {
        tokenizer: ({ ssimGaussian }) => ssimGaussian?.mean ?? null,
        codec: ({ ssimGaussian }) => ssimGaussian,
      }),
    ].filter(({ series }) => series.length > 0);
  });
}

const sizeName = ({ width, height }: { readonly width: number; readonly height: number }) => `${width} x ${height}`;

const pointOf = (bitsPerPixel: number, value: number | null): Point[] =>
  value !== null && Number.isFinite(value) ? [{ x: Math.log2(bitsPerPixel), y: value }] : [];

function drawn({ title, series }: Chart): Html {
  const points = series.flatMap((one) => one.points);
  const xs = range(
    points.map(({ x }) => x),
    1,
  );
  const ySteps = range(
    points.map(({ y }) => y),
    stepOf(points.map(({ y }) => y)),
  );
  const x = scale(xs, PLOT.left, PLOT.right);
  const y = scale(ySteps, PLOT.bottom, PLOT.top);
  return html`<text x="${PLOT.left}" y="22" font-size="15" font-weight="600">${title}</text>
${ySteps.map(
  (value) =>
    html`<line x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(value)}" y2="${y(value)}" stroke="#e4e4e9"/><text x="${PLOT.left - 8}" y="${y(value) + 4}" text-anchor="end">${short(value)}</text>`,
)}
${xs.map(
  (value) =>
    html`<line x1="${x(value)}" x2="${x(value)}" y1="${PLOT.bottom}" y2="${PLOT.bottom + 5}" stroke="#60646c"/><text x="${x(value)}" y="${PLOT.bottom + 20}" text-anchor="middle">${rateName(value)}</text>`,
)}
<text x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 40}" text-anchor="middle" fill="#60646c">bits a pixel</text>
${series.flatMap(({ colour, dash, points }) =>
  dash === null ? markers(points.map(place), colour) : [polyline(points.map(place), colour, dash)],
)}
${series.map(({ name, colour, dash }, i) => {
  const row = PLOT.top + 10 + 22 * i;
  const key = { x: PLOT.right + 22, y: row - 4 };
  return html`${
    dash === null
      ? markers([{ x: key.x + 12, y: key.y }], colour)
      : polyline([key, { x: key.x + 24, y: key.y }], colour, dash)
  }<text x="${PLOT.right + 56}" y="${row}">${name.length > 20 ? `${name.slice(0, 19)}…` : name}</text>`;
})}`;

  function place(point: Point): Point {
    return { x: x(point.x), y: y(point.y) };
  }
}

const markers = (points: readonly Point[], colour: string): Html[] =>
  points.map(({ x, y }) => html`<circle cx="${x}" cy="${y}" r="6" fill="${colour}" stroke="#fff" stroke-width="1.5"/>`);

const polyline = (points: readonly Point[], colour: string, dash: string): Html =>
  html`<polyline points="${points.map(({ x, y }) => `${x},${y}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="2" ${new Raw(dash === "none" ? "" : `stroke-dasharray="${dash}"`)}/>`;

/** Whole steps from below the least value to above the largest. */
function range(values: readonly number[], step: number): number[] {
  const first = Math.floor(Math.min(...values) / step);
  const last = Math.max(Math.ceil(Math.max(...values) / step), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** 1, 2 or 5 times a power of ten, of which the values span five or so. */
function stepOf(values: readonly number[]): number {
  const rough = Math.max(Math.max(...values) - Math.min(...values), 1e-3) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
}

function scale(steps: readonly number[], start: number, end: number): (value: number) => number {
  const [first = 0, last = 1] = [steps[0], steps.at(-1)];
  return (value) => Number((start + ((value - first) / (last - first)) * (end - start)).toFixed(1));
}

const short = (value: number): string => String(Number(value.toFixed(3)));
const rateName = (log: number): string => (log < 0 ? `1/${2 ** -log}` : String(2 ** log));
