import type { ImageInput, RgbImage } from "../../contract/image.ts";
import { workerFile } from "../../files/package-file.ts";
import type { PreparedImage } from "../../image/prepare-views.ts";
import { memoryOf, type PortableImage, portableImage } from "../../image/read/portable-image.ts";
import { loadSharp } from "../../image/read/sharp.ts";
import { isRgbImage } from "../../image/rgb-image.ts";
import { buffersOf, type ImageJobs, type ImageWorkerSetup } from "../pool/protocol.ts";
import { WorkerPool } from "../pool/worker-pool.ts";

/** Reads and resizes images in worker threads of its own; at most `workers` of them, started as they are needed. */
export class ImageReader {
  readonly #pool: WorkerPool<ImageJobs>;

  constructor(setup: ImageWorkerSetup, workers: number) {
    this.#pool = new WorkerPool({ size: workers, setup, file: workerFile("image-worker") });
  }

  /** Starts a thread and loads the decoder ahead of the first image. Without sharp nothing is loaded: raw pixels need none. */
  async open(signal: AbortSignal): Promise<void> {
    const found = await loadSharp().catch(() => null);
    if (found !== null) await this.#pool.run("open", null, { signal });
  }

  /** The pixels that the encoder takes. */
  async preprocess(input: ImageInput, signal: AbortSignal): Promise<RgbImage> {
    const image = await this.#send(input, signal);
    return this.#pool.run("preprocess", { image }, { transfer: buffersOf([memoryOf(image)]), signal });
  }

  /** Its views, as the encoder takes them for `embed`. */
  async prepare(input: ImageInput, signal?: AbortSignal): Promise<PreparedImage> {
    const image = await this.#send(input, signal);
    return this.#pool.run("prepare", { image }, { transfer: buffersOf([memoryOf(image)]), ...(signal && { signal }) });
  }

  /** A frame of a video of `count`, as the encoder takes it for `embedVideo`. */
  async frame(input: ImageInput, count: number, signal: AbortSignal): Promise<RgbImage> {
    const image = await this.#send(input, signal);
    return this.#pool.run("frame", { image, count }, { transfer: buffersOf([memoryOf(image)]), signal });
  }

  /** The images that the checkpoint's preprocessing makes of it before any is encoded. */
  async views(input: ImageInput): Promise<RgbImage[]> {
    const image = await this.#send(input);
    return this.#pool.run("views", { image }, { transfer: buffersOf([memoryOf(image)]) });
  }

  /** What the encoder sees of it, `side` pixels wide and high. */
  async target(input: ImageInput, side: number): Promise<RgbImage> {
    const image = await this.#send(input);
    return this.#pool.run("target", { image, side }, { transfer: buffersOf([memoryOf(image)]) });
  }

  dispose(): Promise<void> {
    return this.#pool.dispose();
  }

  /** sharp's libraries stay in memory only if the main thread loads it before any other does (sharp's installation guide). */
  async #send(input: ImageInput, signal?: AbortSignal): Promise<PortableImage> {
    if (!isRgbImage(input)) await loadSharp();
    return portableImage(input, signal);
  }
}
