import type { ProjectorFamily } from "./family.ts";
import { gemma3 } from "./gemma3.ts";
import { idefics3 } from "./idefics3.ts";
import { internVl, internVlChat } from "./internvl.ts";
import { lfm2Vl } from "./lfm2-vl.ts";
import { llava, llavaNext, originalLlava } from "./llava.ts";
import { vqraeProjector } from "./vqrae-projector.ts";

export const families: readonly ProjectorFamily[] = [
  vqraeProjector,
  llava,
  llavaNext,
  originalLlava,
  internVl,
  internVlChat,
  gemma3,
  idefics3,
  lfm2Vl,
];
