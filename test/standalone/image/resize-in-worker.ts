import { parentPort, workerData } from "node:worker_threads";
import type { RgbImage } from "../../../sdk/contract/image.ts";
import { resize } from "../../../sdk/image/resize/resize.ts";

/** Resizes the image it is given and posts the result by transfer. */
const image = resize(workerData as RgbImage, 31, 17, "bicubic");
parentPort!.postMessage(image, [image.data.buffer as ArrayBuffer]);
