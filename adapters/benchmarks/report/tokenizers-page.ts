import {
  type ComparedPicture,
  imageCodecs,
  type MeasuredTokenizer,
  type ReconstructionReport,
  type TokenizerComparison,
} from "../../../sdk/evaluation/index.ts";
import { encodePng, type RgbImage } from "../../../sdk/index.ts";
import { type Html, html, Html as Raw } from "./html.ts";
import { page } from "./page.ts";
import { codecNames, rateDistortionPlot } from "./rate-distortion-plot.ts";

/** One page that stands alone: the figures of tokenizers on the same images, the plot of rates, and pictures side by side. */
export async function tokenizersPage(
  comparison: TokenizerComparison,
  pictures: readonly ComparedPicture[],
): Promise<string> {
  const { tokenizers, curves } = comparison;
  const paths = [...new Set(pictures.map(({ path }) => path))];
  const rows: Html[] = [];
  for (const path of paths) rows.push(await pictureRow(pictures.filter((picture) => picture.path === path)));
  return page(
    "Tokenizers on the same images",
    html`<h1>Tokenizers on the same images</h1>
<p class="soft">${tokenizers[0] ? imagesOf(tokenizers[0]) : ""}</p>
<div style="overflow-x:auto"><table><tbody>
${figures(tokenizers).map(
  ({ title, cells }) => html`<tr><th>${title}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
)}</tbody></table></div>
<p class="soft">${figuresNote(tokenizers)}</p>
<h2>Rate and distortion</h2>
<p class="soft">Points are tokenizers, whose ids need no table but their own. Lines are whole files of codecs, headers and all, but for AVIF's payload, which is the coded picture alone. Up and to the left is better.</p>
<div style="overflow-x:auto">${new Raw(rateDistortionPlot(comparison))}</div>
<h2>Pictures</h2>
${curves.length > 0 ? html`<p class="soft">Under each tokenizer's picture: the codecs' best files of no more bytes than its ids, or their smallest.</p>` : ""}
<div style="overflow-x:auto"><table><thead><tr><th>original</th>${tokenizers.map(({ name }) => html`<th>${name}</th>`)}</tr></thead><tbody>
${rows}</tbody></table></div>`,
  );
}

/** The images, which are the same for all. */
function imagesOf({ reconstruction: { images, failed, protocol } }: MeasuredTokenizer): string {
  const unread = failed.length > 0 ? `, ${failed.length} could not be read` : "";
  return `${images} images${unread}, crop "${protocol.crop}"`;
}

/** How the figures were made, in a sentence. */
export function figuresNote(tokenizers: readonly MeasuredTokenizer[]): string {
  const images = tokenizers[0]?.reconstruction.images ?? 0;
  const codecs = tokenizers.some((one) => one.codecs.length > 0)
    ? ". Codecs: PSNR and SSIM Gauss of their best files of no more bytes than the ids, or of their smallest; the mean size in brackets"
    : "";
  const recognition = tokenizers[0]?.reconstruction.recognition;
  return `Means over ${images} images, medians of times${codecs}.${recognition ? ` ${recognitionNote(recognition)}` : ""}`;
}

function recognitionNote({ classes, right }: NonNullable<ReconstructionReport["recognition"]>): string {
  if (right === null) return `Recognised: the share whose first of ${classes} classes is the original's.`;
  const of = `of ${right.images} images; the originals ${percent(right.original)}`;
  return `Recognised: the share whose first of ${classes} classes is right, ${of}.`;
}

/** A line of the table, the command line's too. */
export interface Figure {
  readonly title: string;
  /** One a tokenizer. */
  readonly cells: readonly string[];
}

/** The figures of a comparison, as text. */
export function figures(tokenizers: readonly MeasuredTokenizer[]): Figure[] {
  const line = (title: string, cell: (one: MeasuredTokenizer) => string): Figure => ({
    title,
    cells: tokenizers.map(cell),
  });
  const network = tokenizers[0]?.reconstruction.frechet?.network;
  return [
    line("tokenizer", ({ name }) => name),
    line("PSNR dB", ({ reconstruction: { psnr } }) => psnr.mean.toFixed(2)),
    line("SSIM 7x7", ({ reconstruction: { ssimUniform } }) => decimals(ssimUniform?.mean, 4)),
    line("SSIM Gauss", ({ reconstruction: { ssimGaussian } }) => decimals(ssimGaussian?.mean, 4)),
    line(network === undefined ? "Frechet" : `Frechet on ${network}`, ({ reconstruction: { frechet } }) =>
      decimals(frechet?.distance, 3),
    ),
    ...(tokenizers.some(({ reconstruction }) => reconstruction.recognition)
      ? [line("recognised", ({ reconstruction: { recognition } }) => recognised(recognition))]
      : []),
    line("codes in use", ({ reconstruction: { codebook } }) =>
      codebook ? `${codebook.used} of ${codebook.size}` : "none",
    ),
    line("entropy bits", ({ reconstruction: { codebook } }) => decimals(codebook?.entropy, 2)),
    line("bits a pixel", ({ rate }) => decimals(rate?.bitsPerPixel, 4)),
    line("bytes", ({ rate }) => decimals(rate?.bytes, 0)),
    ...imageCodecs
      .filter((codec) => tokenizers.some(({ codecs }) => codecs.some((one) => one.codec === codec)))
      .map((codec) =>
        line(`${codecNames[codec]} (bytes)`, ({ codecs }) => {
          const found = codecs.find((one) => one.codec === codec);
          if (!found) return "-";
          const { psnr, ssimGaussian, recognition, bytes } = found;
          const known = recognition ? [recognised(recognition)] : [];
          return [
            `${psnr.toFixed(2)} dB`,
            decimals(ssimGaussian ?? undefined, 4),
            ...known,
            `(${bytes.toFixed(0)})`,
          ].join(" ");
        }),
      ),
    line("encode ms", ({ milliseconds }) => milliseconds.encode.toFixed(1)),
    line("decode ms", ({ milliseconds }) => milliseconds.decode.toFixed(1)),
    line("parameters", ({ parameters }) => (parameters === null ? "-" : `${(parameters / 1e6).toFixed(1)} M`)),
    line("licence", ({ licence }) => licence ?? "not stated"),
  ];
}

/** Of the images whose class is known the share that is right, else the share that keeps its class. */
function recognised(recognition: MeasuredTokenizer["reconstruction"]["recognition"]): string {
  if (recognition === null) return "-";
  return percent(recognition.right?.decoded ?? recognition.same);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const decimals = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? "-";

async function pictureRow(pictures: readonly ComparedPicture[]): Promise<Html> {
  const [first] = pictures;
  const cells: Html[] = [];
  for (const { decoded, coded } of pictures) {
    const codecs: Html[] = [];
    for (const codec of coded ? imageCodecs : []) {
      const file = coded?.[codec];
      if (file) codecs.push(await figure(file.decoded, `${codecNames[codec]}, ${file.bytes} bytes`, 100));
    }
    cells.push(html`<td>${await figure(decoded, "", 220)}<div style="display:flex;gap:.4rem">${codecs}</div></td>`);
  }
  return html`<tr><td>${first ? await figure(first.original, first.path.split(/[\\/]/).at(-1) ?? "", 220) : ""}</td>${cells}</tr>
`;
}

async function figure(image: RgbImage, caption: string, width: number): Promise<Html> {
  const png = Buffer.from(await encodePng(image)).toString("base64");
  return html`<figure style="margin:0 0 .4rem"><img src="data:image/png;base64,${png}" width="${width}" alt="${caption}"><figcaption class="soft" style="font-size:.75rem">${caption}</figcaption></figure>`;
}
