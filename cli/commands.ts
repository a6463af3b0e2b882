import type { Command } from "./command/command.ts";

/** A command of its own, or a name with commands behind it. */
export type Entry = {
  readonly name: string;
  /** Its line in the list; the first line of its own help. */
  readonly about: string;
} & ({ readonly load: () => Promise<Command> } | { readonly commands: readonly Entry[] });

/** Commands for one purpose, side by side in the help. */
export interface Section {
  readonly title: string;
  /** How to choose between them. The help of each of them has it too. */
  readonly note?: string;
  readonly commands: readonly Entry[];
}

/** All commands. A command's own file is loaded when it runs: this list is all that `vqrae --help` reads. */
export const sections: readonly Section[] = [
  {
    title: "IMAGES, IDS AND PIXELS",
    commands: [
      {
        name: "reconstruct",
        about: "Turn an image into ids and back into pixels",
        load: async () => (await import("./tokens/reconstruct.ts")).reconstruct,
      },
      {
        name: "encode",
        about: "Turn images into ids and features",
        load: async () => (await import("./tokens/encode.ts")).encode,
      },
      {
        name: "classify",
        about: "Name what an image shows, with a checkpoint's own classes",
        load: async () => (await import("./tokens/classify.ts")).classify,
      },
    ],
  },
  {
    title: "DATA SETS",
    commands: [
      {
        name: "tokenize",
        about: "Turn data sets of images into shards of tokens",
        load: async () => (await import("./datasets/tokenize.ts")).tokenize,
      },
      {
        name: "worker",
        about: "Take shards from a queue, on one of many machines",
        load: async () => (await import("./datasets/worker.ts")).worker,
      },
      {
        name: "embed",
        about: "Make a search index of a photo library",
        load: async () => (await import("./datasets/embed.ts")).embed,
      },
      {
        name: "search",
        about: "Find the photos that are most like one",
        load: async () => (await import("./datasets/search.ts")).search,
      },
    ],
  },
  {
    title: "QUESTIONS ABOUT IMAGES",
    commands: [
      {
        name: "ask",
        about: "Ask a vision language model about an image",
        load: async () => (await import("./vlm/ask.ts")).ask,
      },
      {
        name: "chat",
        about: "Talk with a vision language model about images",
        load: async () => (await import("./vlm/chat.ts")).chat,
      },
      {
        name: "pull",
        about: "Download a vision language model from the Hugging Face hub",
        load: async () => (await import("./vlm/pull.ts")).pull,
      },
      {
        name: "serve",
        about: "Serve the models to OpenAI's clients, with a chat page",
        load: async () => (await import("./serve/serve.ts")).serve,
      },
    ],
  },
  {
    title: "IMAGES FROM WORDS",
    commands: [
      {
        name: "generate",
        about: "Make a picture from words",
        load: async () => (await import("./generate/generate.ts")).generate,
      },
      {
        name: "expand-vocabulary",
        about: "Add visual tokens to a language model, for training",
        load: async () => (await import("./generate/expand-vocabulary.ts")).expandVocabulary,
      },
    ],
  },
  {
    title: "MEASURE",
    note:
      "`bench` scores what a language model says about images.\n" +
      "`evaluate` scores pictures that come out of a model.\n" +
      "`compare` measures several tokenizers on the same images.\n" +
      "`analyze` looks at a tokenizer's features and ids.",
    commands: [
      {
        name: "bench",
        about: "Ask a model a VQA benchmark's questions, score the answers",
        load: async () => (await import("./bench/bench.ts")).bench,
      },
      {
        name: "evaluate",
        about: "Measure reconstruction and generation",
        commands: [
          {
            name: "reconstruction",
            about: "Measure what a tokenizer's ids keep of a folder of images",
            load: async () => (await import("./evaluate/reconstruction.ts")).reconstruction,
          },
          {
            name: "geneval",
            about: "Score generated images on GenEval, by boxes or by a judge",
            load: async () => (await import("./evaluate/geneval.ts")).geneval,
          },
          {
            name: "dpg-bench",
            about: "Score generated images on DPG-Bench, by answers or by a judge",
            load: async () => (await import("./evaluate/dpg-bench.ts")).dpgBench,
          },
        ],
      },
      {
        name: "compare",
        about: "Tokenizers side by side",
        commands: [
          {
            name: "tokenizers",
            about: "What tokenizers keep of the same images, what it costs, and what JPEG, WebP and AVIF do",
            load: async () => (await import("./compare/tokenizers.ts")).tokenizers,
          },
        ],
      },
      {
        name: "analyze",
        about: "Look at what a tokenizer's features and ids tell apart",
        commands: [
          {
            name: "clusters",
            about: "Group a folder's images by features and by ids, and compare both",
            load: async () => (await import("./analyze/clusters.ts")).clusters,
          },
        ],
      },
    ],
  },
  {
    title: "MODEL FILES AND DEVICES",
    commands: [
      {
        name: "inspect",
        about: "Show what a checkpoint or a safetensors file holds",
        load: async () => (await import("./inspect/inspect.ts")).inspect,
      },
      {
        name: "swap",
        about: "Put an encoder into a vision language model that you have",
        load: async () => (await import("./swap/swap.ts")).swap,
      },
      {
        name: "convert-llm",
        about: "Write a checkpoint's language model as GGUF, without Python",
        load: async () => (await import("./swap/convert-llm.ts")).convert,
      },
      {
        name: "carrier",
        about: "Write the mmproj by which llama-server takes embeddings",
        load: async () => (await import("./vlm/carrier.ts")).carrier,
      },
      {
        name: "cache",
        about: "List and clear what was made for faster loading",
        load: async () => (await import("./cache/cache.ts")).cache,
      },
      {
        name: "devices",
        about: "Show what models can run on here, and what auto takes",
        load: async () => (await import("./devices/devices.ts")).devices,
      },
    ],
  },
];
