import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { present } from "../../../sdk/errors.ts";
import { loadProjector, VQRAE } from "../../../sdk/index.ts";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";

/**
 * Full-size towers of Qwen-VL against transformers: the largest difference of the embeddings of a photo, over their RMS.
 *
 *     node scripts/full-size/qwen-vl/run.ts [python]
 */
const python = process.argv[2] ?? "python3";
const photo = "examples/images/cat.jpg";

for (const family of ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]) {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-qwen-vl-"));
  try {
    execFileSync(python, [join(import.meta.dirname, "make.py"), family, photo, folder], { stdio: "inherit" });
    const { tensors } = await openSafetensors(join(folder, "embeddings.safetensors"));
    const stored = present(tensors.get("embeddings"), "what make.py writes");
    const expected = await readTensor({ ...stored, dtype: "F32" });
    const model = await VQRAE.load(folder, { device: "cpu", cacheDir: false, projector: await loadProjector(folder) });
    const { segments, tokens, embeddingDim } = await model.embed(photo);
    await model.dispose();
    const [data] = segments.flatMap((segment) => (segment.type === "text" ? [] : [segment.data]));
    if (data?.length !== expected.length) throw new Error(`${data?.length} numbers, not ${expected.length}`);
    let [largest, squares] = [0, 0];
    for (const [i, value] of data.entries()) {
      const own = Number(expected[i]);
      largest = Math.max(largest, Math.abs(value - own));
      squares += own ** 2;
    }
    const rms = Math.sqrt(squares / data.length);
    console.log(
      family,
      `${tokens} x ${embeddingDim}`,
      `RMS ${rms.toFixed(2)}, largest difference ${largest.toExponential(1)}`,
    );
    if (largest > 1e-4 * rms) process.exitCode = 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
