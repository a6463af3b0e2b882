import type { RgbImage } from "../contract/image.ts";

/**
 * How much the seams of a decoder's squares show: the mean step across them, divided by the mean step inside the squares, over
 * all images that were added. About 1 for photographs (training/vqrae_training/metrics/pixels.py).
 */
export class Blocking {
  readonly #square: number;
  readonly #steps = [new Steps(), new Steps()] as const;

  /** @param square side of a token's square in pixels */
  constructor(square: number) {
    this.#square = square;
  }

  add({ data, width, height }: RgbImage): void {
    const row = width * 3;
    const [across, down] = this.#steps;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let at = y * row + x * 3, end = at + 3; at < end; at++) {
          const value = data[at] ?? 0;
          if (x + 1 < width) across.add(value, data[at + 3] ?? 0, (x + 1) % this.#square === 0);
          if (y + 1 < height) down.add(value, data[at + row] ?? 0, (y + 1) % this.#square === 0);
        }
      }
    }
  }

  /** The mean of rows and columns; null where a direction has no seam, no step inside, or no difference inside. */
  get ratio(): number | null {
    const [across, down] = this.#steps.map((steps) => steps.ratio);
    if (!Number.isFinite(across) || !Number.isFinite(down)) return null;
    return ((across ?? 0) + (down ?? 0)) / 2;
  }
}

/** The steps of one direction. Sums of integers: they are exact. */
class Steps {
  #seams = { sum: 0, count: 0 };
  #inside = { sum: 0, count: 0 };

  add(a: number, b: number, seam: boolean): void {
    const of = seam ? this.#seams : this.#inside;
    of.sum += Math.abs(a - b);
    of.count++;
  }

  get ratio(): number {
    return this.#seams.sum / this.#seams.count / (this.#inside.sum / this.#inside.count);
  }
}
