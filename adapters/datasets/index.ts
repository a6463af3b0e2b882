/**
 * The public face of `vqrae/datasets`: data sets of images in, shards of tokens out.
 *
 * @module vqrae/datasets
 */

export { CROPS, type Crops } from "./crops.ts";
export { findShards, parquetFile, type TarSource, tarFile, tarShard } from "./inputs/files.ts";
export type { InputOptions, Member, MemberFault, ShardInput, ShardSurvey } from "./inputs/member.ts";
export { type Manifest, mergeManifest, readManifest } from "./manifest.ts";
export { type EnqueueOptions, enqueueShards } from "./runners/enqueue-shards.ts";
export type { ShardJob } from "./runners/queue-jobs.ts";
export { type QueueWorkerEvent, type QueueWorkerOptions, runQueueWorker } from "./runners/queue-worker.ts";
export {
  type RunProgress,
  type RunShardsOptions,
  type RunSummary,
  runShards,
} from "./runners/run-shards.ts";
export { findSlice, type Slice, takeSlice } from "./runners/slice.ts";
export { readStatus, type Status } from "./runners/status.ts";
export {
  buildImageIndex,
  type ImageIndexOptions,
  type SearchHit,
  type SearchOptions,
  searchImages,
} from "./search/image-index.ts";
export type { ShardStats } from "./shard-stats.ts";
export { estimateBytes, modelHash, type TokenizeOptions } from "./tokenize-options.ts";
export { type ShardResult, tokenizeShard } from "./tokenize-shard.ts";
