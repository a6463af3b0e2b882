import type { ImageEmbeddings, ImageSegment } from "../contract/embedder.ts";
import type { RgbImage, TokenGrid } from "../contract/image.ts";
import { present } from "../errors.ts";
import type { ProjectorSpec } from "../families/model.ts";
import type { View } from "./views.ts";

/** The embeddings of one view, [rows * columns, dim]. */
export interface EmbeddedView {
  readonly data: Float32Array;
  readonly grid: TokenGrid;
  readonly tile: View["tile"];
}

/**
 * The embeddings of an image's views, in the order of the language model's own code and with its text between them.
 * `size`: the image as it was read. `newline`: [dim], where the layout has one.
 */
export function arrange(
  views: readonly EmbeddedView[],
  { layout, info }: Pick<ProjectorSpec, "layout" | "info">,
  size: Pick<RgbImage, "width" | "height">,
  newline: Float32Array | null,
): ImageEmbeddings {
  const { prefix, suffix, rowBreak = "", tiles, attention } = layout;
  const dim = info.outputDim;
  const segments: ImageSegment[] = [];
  const text = (added: string) => {
    const last = segments.at(-1);
    if (last?.type === "text") segments[segments.length - 1] = { type: "text", text: last.text + added };
    else if (added !== "") segments.push({ type: "text", text: added });
  };
  const embeddings = ({ data, grid }: Pick<EmbeddedView, "data" | "grid">) => {
    // Of a strip so thin that it covers no token nothing is left.
    if (data.length === 0) return;
    if (rowBreak === "") {
      segments.push({ type: "embeddings", data, grid, attention });
      return;
    }
    const { rows, columns } = grid;
    for (let row = 0; row < rows; row++) {
      if (row > 0) text(rowBreak);
      const own = data.slice(row * columns * dim, (row + 1) * columns * dim);
      segments.push({ type: "embeddings", data: own, grid: { rows: 1, columns }, attention });
    }
  };

  switch (tiles.kind) {
    case "separate":
      text(prefix);
      for (const [i, view] of views.entries()) {
        const { tile } = view;
        text(tile === null ? (views.length > 1 ? tiles.whole : tiles.wholeAlone) : numbered(tiles.tile, tile));
        embeddings(view);
        if (tile !== null && views[i + 1]?.tile?.row !== tile.row) text(tiles.rowEnd);
      }
      text(suffix);
      break;
    case "wrapped":
      if (views.length > 1) text(tiles.before);
      for (const [i, view] of views.entries()) {
        if (i > 0) text(i === 1 ? tiles.after : tiles.between);
        text(prefix);
        embeddings(view);
        text(suffix);
      }
      break;
    case "stitched": {
      const parts = views.filter(({ tile }) => tile !== null);
      text(prefix);
      for (const view of views) {
        if (view.tile === null) embeddings(view);
        else if (view === parts[0]) embeddings(stitch(parts, size, dim, present(newline, "a newline embedding")));
      }
      text(suffix);
      break;
    }
  }
  const tokens = segments.reduce((sum, one) => (one.type === "text" ? sum : sum + one.data.length / dim), 0);
  return { segments, embeddingDim: dim, tokens };
}

const numbered = (text: string, { row, column }: { row: number; column: number }): string =>
  text.replace("{row}", String(row + 1)).replace("{column}", String(column + 1));

/**
 * LLaVA 1.6's tiles as one grid (transformers' `pack_image_features`, "spatial_unpad"): rows and columns that lie on the
 * canvas's border go, and each row ends with the newline embedding.
 */
function stitch(
  tiles: readonly EmbeddedView[],
  size: Pick<RgbImage, "width" | "height">,
  dim: number,
  newline: Float32Array,
): Pick<EmbeddedView, "data" | "grid"> {
  const { rows, columns } = tiles[0]!.grid; // of each tile
  const across = Math.max(...tiles.map(({ tile }) => tile!.column)) + 1;
  const whole = { rows: (tiles.length / across) * rows, columns: across * columns };
  const kept = unpadded(whole, size);
  const grid = { rows: kept.rows, columns: kept.columns + 1 };
  const data = new Float32Array(grid.rows * grid.columns * dim);
  for (let y = 0; y < kept.rows; y++) {
    const row = kept.top + y;
    for (let x = 0; x < kept.columns; x++) {
      const column = kept.left + x;
      const tile = tiles[Math.floor(row / rows) * across + Math.floor(column / columns)]!.data;
      const at = ((row % rows) * columns + (column % columns)) * dim;
      data.set(tile.subarray(at, at + dim), (y * grid.columns + x) * dim);
    }
    data.set(newline, (y * grid.columns + kept.columns) * dim);
  }
  return { data, grid };
}

/** What of a canvas's tokens an image of `size` pixels covers (transformers' `unpad_image`, its rounding included). */
export function unpadded(
  { rows, columns }: TokenGrid,
  { width, height }: Pick<RgbImage, "width" | "height">,
): TokenGrid & { readonly top: number; readonly left: number } {
  const covered = (side: number, scale: number) => Math.trunc(Number((side * scale).toFixed(7)));
  if (width / height > columns / rows) {
    const top = Math.floor((rows - covered(height, columns / width)) / 2);
    return { rows: rows - 2 * top, columns, top, left: 0 };
  }
  const left = Math.floor((columns - covered(width, rows / height)) / 2);
  return { rows, columns: columns - 2 * left, top: 0, left };
}
