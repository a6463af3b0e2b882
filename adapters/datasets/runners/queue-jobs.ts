import * as z from "zod";
import { CROPS } from "../crops.ts";

/** The queue's name in Redis, unless another is asked for. */
export const QUEUE = "vqrae-tokenize";

/** How often a shard is tried, and how long after a failure. */
export const ATTEMPTS = 3;
export const BACKOFF = { type: "exponential", delay: 5000 } as const;

/** What a worker needs to know of a shard: paths that every host sees, and how its rows are made. */
export const shardJobSchema = z.object({
  kind: z.literal("shard"),
  output: z.string(),
  /** The file or folder that holds the shard, and its name. */
  source: z.string(),
  shard: z.string(),
  inputs: z.object({
    shardSize: z.number().optional(),
    imageColumn: z.string().optional(),
    keyColumn: z.string().optional(),
  }),
  /** As `VQRAE.load` takes them. */
  model: z.object({ source: z.string(), precision: z.enum(["fp32", "int8"]).optional() }),
  rows: z.object({
    crops: z.enum(CROPS).optional(),
    cropRange: z.number().optional(),
    features: z.enum(["pooled", "whole"]).optional(),
    tar: z.boolean().optional(),
    npy: z.boolean().optional(),
    maxPixels: z.number().optional(),
  }),
});

/** The last job of a flow: it runs when each shard is done or given up. */
export const mergeJobSchema = z.object({ kind: z.literal("merge"), output: z.string() });

export const jobSchema = z.discriminatedUnion("kind", [shardJobSchema, mergeJobSchema]);

export type ShardJob = z.infer<typeof shardJobSchema>;
