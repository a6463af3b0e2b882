import { clip } from "../clip/family.ts";
import { dinov2, dinov2WithRegisters } from "../dinov2/family.ts";
import { idefics3Vision } from "../idefics3/family.ts";
import { internVit, internVlVision } from "../intern-vit/family.ts";
import { siglip } from "../siglip/family.ts";
import { siglip2 } from "../siglip2/family.ts";
import type { VitArchitecture } from "./architecture.ts";
import { vit } from "./family.ts";

/** Every vision transformer that loads by itself, inside a VLM, and as the encoder of a VQRAE. */
export const vitArchitectures: readonly VitArchitecture[] = [
  vit,
  siglip,
  siglip2,
  clip,
  dinov2,
  dinov2WithRegisters,
  internVit,
  internVlVision,
  idefics3Vision,
];
