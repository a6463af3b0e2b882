import { gemma3 } from "../gemma3/projector.ts";
import { idefics3 } from "../idefics3/projector.ts";
import { internVl, internVlChat } from "../intern-vit/projector.ts";
import { lfm2Vl } from "../lfm2-vl/projector.ts";
import { llava, llavaNext, originalLlava } from "../llava/projector.ts";
import { vqraeProjector } from "../vqrae/projector.ts";
import type { ProjectorFamily } from "./projector-family.ts";

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
