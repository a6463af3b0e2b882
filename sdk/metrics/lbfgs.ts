/** A smooth function: writes its gradient at `x` into `gradient` and returns its value. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface LbfgsResult {
  readonly x: Float64Array;
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
 * (Nocedal and Wright 2006, algorithm 7.5). Deterministic.
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
    let next = along(x, direction, step);
    let nextValue = objective(next, nextGradient);
    for (let i = 0; i < MAX_SHRINKS && !(nextValue <= value + SUFFICIENT_DECREASE * step * slope); i++) {
      step *= SHRINK;
      next = along(x, direction, step);
      nextValue = objective(next, nextGradient);
    }
    if (!(nextValue < value)) break; // no descent left in double precision
    remember(history, along(next, x, -1), along(nextGradient, gradient, -1));
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
  const alphas: number[] = [];
  for (const { s, y, sy } of history.toReversed()) {
    const alpha = dot(s, q) / sy;
    q = along(q, y, -alpha);
    alphas.unshift(alpha);
  }
  const last = history.at(-1);
  if (last) {
    const scale = last.sy / dot(last.y, last.y);
    q = q.map((entry) => entry * scale);
  }
  history.forEach(({ s, y, sy }, i) => {
    q = along(q, s, alphas[i]! - dot(y, q) / sy);
  });
  return q;
}

/** x + step * direction */
function along(x: Float64Array, direction: Float64Array, step: number): Float64Array {
  const result = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) result[i] = x[i]! + step * direction[i]!;
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function largestEntry(vector: Float64Array): number {
  return vector.reduce((largest, entry) => Math.max(largest, Math.abs(entry)), 0);
}
