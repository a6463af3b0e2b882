import sharp from "sharp";
import { encodePng, type RgbImage } from "../../sdk/index.ts";

/** One picture above its lines of text. */
export interface CaptionedCell {
  readonly image: RgbImage;
  readonly lines: readonly { readonly text: string; readonly bold?: boolean }[];
}

const GAP = 16;
const LINE = 21;

/** A row of pictures, each brought to `size` px, with its lines below; -> PNG. Needs a font on the machine. */
export async function captionedPicture(cells: readonly CaptionedCell[], size: number): Promise<Buffer> {
  const most = Math.max(...cells.map(({ lines }) => lines.length));
  const width = cells.length * (size + GAP) + GAP;
  const height = GAP + size + 6 + most * LINE + GAP;
  const drawn = await Promise.all(cells.map((cell, i) => drawCell(cell, GAP + i * (size + GAP), size)));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="#fff"/>${drawn.join("")}</svg>`;
  return sharp(Buffer.from(svg)).removeAlpha().png({ palette: false, compressionLevel: 9 }).toBuffer();
}

async function drawCell({ image, lines }: CaptionedCell, left: number, size: number): Promise<string> {
  // What is wider than high keeps its shape, in the middle of the square.
  const scale = size / Math.max(image.width, image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  const data = Buffer.from(await encodePng(image)).toString("base64");
  const top = GAP + (size - height) / 2;
  const texts = lines.map(({ text, bold }, i) => {
    const y = GAP + size + (i + 1) * LINE;
    const weight = bold ? "bold" : "normal";
    const middle = left + size / 2;
    return `<text x="${middle}" y="${y}" font-size="14" font-weight="${weight}" font-family="sans-serif" text-anchor="middle" fill="#1f2328">${escaped(text)}</text>`;
  });
  return `<image x="${left + (size - width) / 2}" y="${top}" width="${width}" height="${height}" href="data:image/png;base64,${data}"/>${texts.join("")}`;
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
