import type { Family } from "./family.ts";
import { glm4v, glmOcr } from "./glm4v/family.ts";
import { janus } from "./janus/family.ts";
import { lfq } from "./lfq/family.ts";
import { pixtral } from "./pixtral/family.ts";
import { qwen25Vl } from "./qwen2-5-vl/family.ts";
import { qwen2Vl } from "./qwen2-vl/family.ts";
import { qwen3Vl } from "./qwen3-vl/family.ts";
import { rae } from "./rae/family.ts";
import { taTok } from "./ta-tok/family.ts";
import { unitok } from "./unitok/family.ts";
import { vitArchitectures } from "./vit/architectures.ts";
import { vitFamily } from "./vit/vit-family.ts";
import { janusVqgan, vqgan } from "./vqgan/family.ts";
import { vqrae } from "./vqrae/family.ts";

/** Every family that `VQRAE.load` knows by itself. */
export const families: readonly Family[] = [
  vqrae,
  janus,
  janusVqgan,
  vqgan,
  lfq,
  rae,
  unitok,
  taTok,
  qwen2Vl,
  qwen25Vl,
  qwen3Vl,
  pixtral,
  glm4v,
  glmOcr,
  ...vitArchitectures.map(vitFamily),
];
