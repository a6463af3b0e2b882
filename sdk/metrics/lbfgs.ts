import { addScaled, dot, plusScaled } from "../linear-algebra/vectors.ts";
import { zip } from "../zip.ts";

/** A smooth function: writes its gradient at `x` into `gradient` and returns its value. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

/** Where a minimisation ended. */
export interface LbfgsResult {
  /** The minimum. */
  readonly x: Float64Array;
  /** The function's value there. */
  readonly value: number;
  readonly iterations: number;
  /** Whether the largest gradient entry came down to `tolerance`. */
  readonly converged: boolean;
}

/** Corrections kept; 10 is the usual choice (scipy's default). */
const HISTORY = 10;
/** Armijo's constant and the shrink of a rejected step: Nocedal and Wright 2006, section 3.1. */
const SUFFICIENT_DECREASE = 1e-4;
const SHRINK = 0.5;
const MAX_SHRINKS = 40;

/**
 * Minimises a convex function from `start` by limited-memory BFGS with a backtracking line search
 * (Nocedal and Wright 2006, algorithm 7.5). The same input gives the same result.
 */
export function minimizeLbfgs(
  objective: Objective,
  start: Float64Array,
  { maxIterations, tolerance }: { maxIterations: number; tolerance: number },
): LbfgsResult {
  let x: Float64Array = start.slice();
  let gradient: Float64Array = new Float64Array(x.length);
  let value = objective(x, gradient);
  const history: Correction[] = [];
  let iterations = 0;
  while (largestEntry(gradient) > tolerance && iterations < maxIterations) {
    const direction = newtonLike(gradient, history);
    const slope = dot(direction, gradient);
    // Without history the direction is the bare gradient, whose length says nothing about a good step.
    let step = history.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    const nextGradient = new Float64Array(x.length);
    let next = plusScaled(x, step, direction);
    let nextValue = objective(next, nextGradient);
    for (let i = 0; i < MAX_SHRINKS && !(nextValue <= value + SUFFICIENT_DECREASE * step * slope); i++) {
      step *= SHRINK;
      next = plusScaled(x, step, direction);
      nextValue = objective(next, nextGradient);
    }
    if (!(nextValue < value)) break; // no descent left in double precision
    remember(history, plusScaled(next, -1, x), plusScaled(nextGradient, -1, gradient));
    x = next;
    gradient = nextGradient;
    value = nextValue;
    iterations++;
  }
  return { x, value, iterations, converged: largestEntry(gradient) <= tolerance };
}

interface Correction {
  /** x_{k+1} - x_k */
  readonly s: Float64Array;
  /** gradient_{k+1} - gradient_k */
  readonly y: Float64Array;
  /** sᵀy, positive */
  readonly sy: number;
}

/** Keeps the pair when the curvature is positive, as the update needs. */
function remember(history: Correction[], s: Float64Array, y: Float64Array): void {
  const sy = dot(s, y);
  if (!(sy > 0)) return;
  history.push({ s, y, sy });
  if (history.length > HISTORY) history.shift();
}

/** The two-loop recursion: -H gradient, with H the inverse Hessian that the history implies. */
function newtonLike(gradient: Float64Array, history: readonly Correction[]): Float64Array {
  let q: Float64Array = gradient.map((entry) => -entry);
  const alphas = history.toReversed().map(({ s, y, sy }) => {
    const alpha = dot(s, q) / sy;
    addScaled(q, -alpha, y);
    return alpha;
  });
  const last = history.at(-1);
  if (last) {
    const scale = last.sy / dot(last.y, last.y);
    q = q.map((entry) => entry * scale);
  }
  for (const [{ s, y, sy }, alpha] of zip(history, alphas.toReversed())) addScaled(q, alpha - dot(y, q) / sy, s);
  return q;
}

function largestEntry(vector: Float64Array): number {
  return vector.reduce((largest, entry) => Math.max(largest, Math.abs(entry)), 0);
}
