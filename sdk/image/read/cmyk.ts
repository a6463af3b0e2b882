/**
 * CMYK bytes (0 is no ink) -> RGB bytes, as Pillow's `cmyk2rgb` rounds: paper through one ink and black, no press profile.
 * @returns [pixels * 3]
 */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const light = 255 - cmyk[from + 3]!;
    for (let ink = from; ink < from + 3; ink++) rgb[to++] = light - scale(cmyk[ink]!, light);
  }
  return rgb;
}

/** a * b / 255, to the nearest integer. */
function scale(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
