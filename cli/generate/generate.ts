import { extname } from "node:path";
import { type GeneratedImage, type GenerateOptions, loadGenerator, presets } from "../../adapters/generation/index.ts";
import { encodePng } from "../../sdk/index.ts";
import { expected, writeWhole } from "../../sdk/kit.ts";
import { cliCommand, sharedArgs, usageErrorMend } from "../command/command.ts";
import { gpuArg, gpuOf, numbersOf } from "../command/values.ts";
import { checkFolder, checkOutput } from "../shared/output-file.ts";
import { Progress } from "../shared/progress.ts";
import { pictureGrid } from "./picture-grid.ts";

/** Images that share the work, at most. */
const IMAGES_AT_ONCE = 4;

export const generate = cliCommand({
  name: "generate",
  description: "Make a picture from words",
  args: {
    prompt: { type: "positional", required: true, description: "What to show" },
    out: {
      type: "string",
      alias: "o",
      default: "out.png",
      valueHint: "file.png",
      description: "The PNG file to write",
    },
    count: {
      type: "string",
      valueHint: "n",
      description: "Make n pictures, each in a file of its own: out-1.png, ...",
    },
    grid: { type: "string", valueHint: "3x3", description: "Make as many pictures as fit, in one file" },
    seed: { type: "string", valueHint: "number", description: "The same seed makes the same picture" },
    preset: { type: "string", valueHint: Object.keys(presets).join("|"), description: "Sample as this source does" },
    guidance: { type: "string", valueHint: "scale", description: "How closely to follow the prompt; 1 is no guidance" },
    temperature: { type: "string", valueHint: "number", description: "0 always takes the likeliest token" },
    "top-k": { type: "string", valueHint: "k", description: "Only the k likeliest tokens; 0 is all" },
    "top-p": { type: "string", valueHint: "share", description: "Only the likeliest tokens with this share; 1 is all" },
    continue: { type: "string", valueHint: "image", description: "Keep the first --rows of this image" },
    rows: { type: "string", valueHint: "count", description: "Rows of tokens to keep of --continue" },
    previews: { type: "string", valueHint: "folder", description: "Write what is there after every few rows" },
    llm: {
      type: "string",
      valueHint: "file.gguf",
      description: "The language model (default: the small one that ships)",
    },
    server: { type: "string", valueHint: "url", description: "A llama-server that serves --llm; then --guidance 1" },
    gpu: gpuArg,
    verbose: { type: "boolean", description: "Print progress on standard error, also where it is no terminal" },
    ...sharedArgs,
  },
  examples: [
    'vqrae generate "a red triangle"',
    'vqrae generate "a photo of a sunflower" -o sunflowers.png --grid 3x3 --seed 1',
    'vqrae generate "a red triangle" --continue photo.png --rows 7 --previews .',
    'vqrae generate "a red triangle" --llm model.gguf --model ./my-tokenizer --json',
  ],
  async run({ prompt, out, llm, server, model, json, previews, ...args }) {
    await checkOutput(out, [".png"], args.continue === undefined ? [] : [args.continue]);
    if (previews !== undefined) await checkFolder(previews, "the folder of --previews");
    const grid = gridOf(args.grid, args.count);
    const { n = 1, ...numbers } = numbersOf(args, {
      count: "n",
      seed: "seed",
      guidance: "guidanceScale",
      temperature: "temperature",
      "top-k": "topK",
      "top-p": "topP",
    });
    const count = grid === null ? n : grid.rows * grid.columns;
    const options = {
      ...numbers,
      n: count,
      ...continuation(args),
      ...(args.preset !== undefined && { preset: args.preset }),
      ...(previews === undefined && { previewRows: 0 }),
    } as GenerateOptions; // the generator checks what it is given

    const progress = new Progress({ verbose: args.verbose });
    try {
      const generator = await loadGenerator(sourceOf(llm, model, server), {
        gpu: gpuOf(args.gpu),
        imagesAtOnce: Math.min(IMAGES_AT_ONCE, Math.max(1, Math.ceil(count))),
        onProgress: (phase) => progress.say(`loading the ${phase}`),
      });
      try {
        const images: GeneratedImage[] = [];
        for await (const event of generator.generate(prompt, options)) {
          if (event.type === "progress") progress.say(`token ${event.done} of ${event.total}`);
          if (event.type === "preview") {
            const name = `${previews}/preview-${event.index + 1}-rows-${String(event.rows).padStart(2, "0")}.png`;
            await writeWhole(name, await encodePng(event.image));
          }
          if (event.type === "image") images.push(event);
        }
        const files = await writeImages(out, images, grid);
        progress.end();
        const found = images.map(({ seed, ids }, i) => ({ out: files[i] ?? out, seed, ids: [...ids] }));
        const lines = files.map((file, i) => `${file}: ${what(images, i, grid)}`);
        const { modelId } = generator.info;
        process.stdout.write(
          json ? `${JSON.stringify({ model: modelId, prompt, images: found })}\n` : `${lines.join("\n")}\n`,
        );
      } finally {
        await generator.dispose();
      }
    } finally {
      progress.end();
    }
  },
});

type Grid = { readonly rows: number; readonly columns: number } | null;

function what(images: readonly GeneratedImage[], index: number, grid: Grid): string {
  const { width, height } = images[index]!.image;
  if (grid === null) return `${width} x ${height} pixels, seed ${images[index]!.seed}`;
  return `${grid.rows} x ${grid.columns} pictures of ${width} x ${height} pixels, seeds from ${images[0]!.seed} on`;
}

async function writeImages(out: string, images: readonly GeneratedImage[], grid: Grid): Promise<string[]> {
  if (grid !== null) {
    await writeWhole(
      out,
      await encodePng(
        pictureGrid(
          images.map(({ image }) => image),
          grid.columns,
        ),
      ),
    );
    return [out];
  }
  const extension = extname(out);
  const numbered = (i: number) => `${out.slice(0, -extension.length)}-${i + 1}${extension}`;
  const files = images.map((_, i) => (images.length === 1 ? out : numbered(i)));
  for (const [i, { image }] of images.entries()) await writeWhole(files[i]!, await encodePng(image));
  return files;
}

function gridOf(grid: string | undefined, count: string | undefined): Grid {
  if (grid === undefined) return null;
  if (count !== undefined) throw usageError("--grid or --count", "both");
  const [, rows, columns] = /^(\d{1,2})x(\d{1,2})$/.exec(grid) ?? [];
  const found = { rows: Number(rows), columns: Number(columns) };
  if (found.rows >= 1 && found.columns >= 1) return found;
  throw expected("INVALID_ARGUMENT", 'rows and columns such as "3x3"', "--grid", grid);
}

function continuation(args: { readonly continue?: string | undefined; readonly rows?: string | undefined }) {
  if (args.continue === undefined && args.rows === undefined) return {};
  if (args.continue === undefined || args.rows === undefined) throw usageError("--continue and --rows together", "one");
  return { continueImage: { image: args.continue, rows: numbersOf(args, { rows: "rows" }).rows } };
}

function sourceOf(llm: string | undefined, tokenizer: string, server: string | undefined) {
  const at = server === undefined ? {} : { server };
  if (llm !== undefined) return { llm, tokenizer, ...at };
  if (tokenizer === "default" && server === undefined) return "default";
  throw usageError("--llm", server === undefined ? "--model alone" : "--server alone");
}

const usageError = (what: string, received: string) =>
  expected("INVALID_ARGUMENT", what, "vqrae generate", received, usageErrorMend("vqrae generate"));
