import { cp } from "node:fs/promises";
import { join } from "node:path";
import { writeTinyTar } from "../../test/golden/ar-dtok/tiny.ts";
import { writeTinyRae } from "../../test/golden/rae/tiny.ts";
import { writeTinyTaTok } from "../../test/golden/ta-tok/tiny.ts";
import { writeTiny } from "../../test/golden/tokenizers/weights.ts";
import { writeTinyUnitok } from "../../test/golden/unitok/tiny.ts";
import { writeTinyVar } from "../../test/golden/var/tiny.ts";

/** A tokenizer, its tiny model, and where the original's numbers are. */
export interface Row {
  /** As scripts/full-size/tokenizers.json has it. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** Writes its folder. */
  readonly write: (folder: string) => Promise<string>;
  /** The folder of test/golden whose expected.safetensors has its numbers. */
  readonly golden: string;
  /** Names in there. */
  readonly keys: {
    readonly ids?: string;
    readonly decoded?: string;
    readonly features?: string;
    readonly pixels?: string;
  };
  /** How its own code prepares pictures, or in what ours is not that. */
  readonly preparation: (equal: boolean) => string;
  /** Why a cell has no figure. */
  readonly without?: Readonly<Partial<Record<"ids" | "decoded" | "features" | "fullSize", string>>>;
}

const by = (how: string) => (equal: boolean) => (equal ? `equal (${how})` : `differs (${how})`);

const ofTokenizers = (name: string, title: string, preparation: Row["preparation"]): Row => ({
  name,
  title,
  write: (folder) => writeTiny(folder, name),
  golden: "tokenizers",
  keys: { ids: `${name}.ids`, decoded: `${name}.decoded`, pixels: `${name}.pixels` },
  preparation,
  without: { fullSize: SAME_GRAPH },
});

const SAME_GRAPH = "not run: the code of LlamaGen's and IBQ's, with other sizes";

const rae = (encoder: string, title: string): Row => ({
  name: encoder,
  title: `RAE on ${title}`,
  write: (folder) => writeTinyRae(folder, encoder),
  golden: "rae",
  keys: { decoded: `${encoder}.decoded`, features: `${encoder}.features`, pixels: "crops" },
  preparation: by("ADM's crop"),
  without: { ids: "has none" },
});

const taTok = { keys: { ids: "1.ids", features: "1.features", pixels: "prepared" }, golden: "ta-tok" } as const;

export const rows: readonly Row[] = [
  ofTokenizers("llamagen", "`llamagen`", by("ADM's crop")),
  ofTokenizers("janus", "`janus`", by("longer side to 384, grey border")),
  {
    name: "janus_vqgan",
    title: "Janus' in transformers' files",
    async write(folder) {
      await cp(join(import.meta.dirname, "../../test/golden/vqgan/janus"), folder, { recursive: true });
      return folder;
    },
    golden: "vqgan",
    keys: { ids: "ids", decoded: "decoded", features: "latent" },
    preparation: () => "equal (JanusImageProcessor, in the tests)",
    without: { fullSize: SAME_GRAPH },
  },
  ofTokenizers("taming", "`taming`", by("its notebook's LANCZOS")),
  ofTokenizers("ibq", "`ibq`", () => "not its own: OpenCV resizes there, Pillow's BICUBIC here"),
  ofTokenizers("emu3.5", "`emu3.5`", () => "equal for squares; others are cut to one, where it keeps the ratio"),
  ofTokenizers("chameleon", "`chameleon`", by("LANCZOS; pictures with alpha may differ")),
  ofTokenizers("show-o", "`show-o`", by("torchvision's Resize and CenterCrop")),
  {
    name: "var",
    title: "`var`",
    write: (folder) => writeTinyVar(folder),
    golden: "var",
    keys: { ids: "ids", decoded: "decoded", pixels: "crops" },
    preparation: by("torchvision's Resize to 288, LANCZOS, and CenterCrop"),
  },
  ofTokenizers("open-magvit2", "`open-magvit2`", by("torchvision's Resize, bilinear, and CenterCrop")),
  ofTokenizers("bitdance", "`bitdance`", by("ADM's crop")),
  {
    name: "unitok",
    title: "UniTok",
    write: (folder) => writeTinyUnitok(folder),
    golden: "unitok",
    keys: { ids: "ids", decoded: "decoded", features: "features", pixels: "crops" },
    preparation: by("torchvision's Resize to 288, bilinear, and CenterCrop"),
  },
  {
    ...taTok,
    name: "ta_tok",
    title: "TA-Tok",
    write: (folder) => writeTinyTaTok(folder),
    preparation: by("SiglipImageProcessor, bicubic"),
    without: { decoded: "gives features of ids" },
  },
  {
    name: "ar_dtok",
    title: "TA-Tok with AR-DTok",
    write: (folder) => writeTinyTar(folder),
    golden: "ta-tok",
    keys: taTok.keys,
    preparation: by("SiglipImageProcessor, bicubic"),
    without: {
      decoded: "by 1 at most, greedy and guided (in the tests)",
      fullSize: "its size was run, for time and memory ([below](#pixels-of-ids))",
    },
  },
  rae("dinov2", "DINOv2 with registers"),
  rae("siglip2", "SigLIP2"),
  rae("mae", "MAE"),
];
