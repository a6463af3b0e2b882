import type { Benchmark } from "../benchmark.ts";
import { ai2d } from "./ai2d/ai2d.ts";
import { daquar } from "./daquar/daquar.ts";
import { easyVqa } from "./easy-vqa/easy-vqa.ts";
import { flickr8k } from "./flickr8k/flickr8k.ts";
import { gqa } from "./gqa/gqa.ts";
import { mmbench } from "./mmbench/mmbench.ts";
import { mme } from "./mme/mme.ts";
import { mmmu } from "./mmmu/mmmu.ts";
import { nlvr } from "./nlvr/nlvr.ts";
import { pope } from "./pope/pope.ts";
import { seedbench } from "./seedbench/seedbench.ts";
import { textvqa } from "./textvqa/textvqa.ts";

export const benchmarks: readonly Benchmark[] = [
  mme,
  gqa,
  pope,
  mmbench,
  seedbench,
  mmmu,
  textvqa,
  ai2d,
  flickr8k,
  daquar,
  easyVqa,
  nlvr,
];
