import { expected } from "../errors.ts";
import { checkFeatures, checkLabelled, type LabelledFeatures } from "./labelled-features.ts";
import { minimizeLbfgs, type Objective } from "./lbfgs.ts";

export interface LinearProbeOptions {
  /** The inverse strength of the L2 penalty on the weights (not the bias), as in scikit-learn. Default 1. */
  readonly C?: number;
  /** Default 1000. */
  readonly maxIterations?: number;
  /** Training stops when no entry of the mean loss's gradient is larger. Default 1e-5. */
  readonly tolerance?: number;
}

/**
 * Trains a linear probe: multinomial logistic regression on standardised features (mean 0 and deviation 1 per
 * column of the training set), full batch, by L-BFGS from zero. It minimises mean cross-entropy + |W|² / (2 C n),
 * the objective of scikit-learn's LogisticRegression, to convergence: there is no seed and no learning rate.
 */
export function trainLinearProbe(train: LabelledFeatures, options: LinearProbeOptions = {}): LinearProbe {
  checkLabelled(train, "the training set");
  const { C = 1, maxIterations = 1000, tolerance = 1e-5 } = options;
  checkPositive(C, "C");
  checkPositive(maxIterations, "maxIterations");
  checkPositive(tolerance, "tolerance");
  const labels = Array.from(train.labels);
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  if (classes.length < 2) {
    throw expected("INVALID_ARGUMENT", "at least two classes", "the training set's labels", classes);
  }
  const scaler = fitScaler(train);
  const rows = standardize(train.features, scaler);
  const index = new Map(classes.map((label, i) => [label, i]));
  const targets = labels.map((label) => index.get(label)!);
  const objective = crossEntropy(rows, targets, train.dim, classes.length, 1 / (C * labels.length));
  const start = new Float64Array(classes.length * (train.dim + 1));
  const { x, value, iterations, converged } = minimizeLbfgs(objective, start, { maxIterations, tolerance });
  return new LinearProbe({ classes, scaler, parameters: x, loss: value, iterations, converged });
}

/** A trained probe; make one with `trainLinearProbe`. */
export class LinearProbe {
  /** The labels it can answer, ascending. */
  readonly classes: readonly number[];
  /** The training objective where it stopped. */
  readonly loss: number;
  readonly iterations: number;
  /** False when `maxIterations` came first: the accuracy is then a lower bound of what the features hold. */
  readonly converged: boolean;
  readonly #scaler: Scaler;
  readonly #parameters: Float64Array;

  /** @internal */
  constructor(fit: ProbeFit) {
    this.classes = fit.classes;
    this.loss = fit.loss;
    this.iterations = fit.iterations;
    this.converged = fit.converged;
    this.#scaler = fit.scaler;
    this.#parameters = fit.parameters;
  }

  /** The most likely label of each row of `features` [n, dim]. */
  predict(features: Float32Array | Float64Array): number[] {
    const dim = this.#scaler.mean.length;
    checkFeatures(features, dim, Math.ceil((features?.length ?? 0) / dim), "the features to predict");
    const rows = standardize(features, this.#scaler);
    const logits = new Float64Array(this.classes.length);
    const labels: number[] = [];
    for (let start = 0; start < rows.length; start += dim) {
      writeLogits(logits, rows.subarray(start, start + dim), this.#parameters);
      labels.push(this.classes[logits.indexOf(Math.max(...logits))]!);
    }
    return labels;
  }

  /** The share of `set` that it classifies correctly, 0 to 1; a label that it never saw counts as wrong. */
  accuracy(set: LabelledFeatures): number {
    checkLabelled(set, "the test set");
    if (set.dim !== this.#scaler.mean.length) {
      throw expected("INVALID_ARGUMENT", `dim ${this.#scaler.mean.length}, as in training`, "the test set", set.dim);
    }
    const hits = this.predict(set.features).filter((label, row) => label === set.labels[row]);
    return hits.length / set.labels.length;
  }
}

interface ProbeFit {
  readonly classes: readonly number[];
  readonly scaler: Scaler;
  /** [classes, dim + 1]: each class's weights, then its bias. */
  readonly parameters: Float64Array;
  readonly loss: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** Per column [dim]; a constant column gets deviation 1, as in scikit-learn's StandardScaler. */
interface Scaler {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

function fitScaler({ features, dim, labels }: LabelledFeatures): Scaler {
  const mean = new Float64Array(dim);
  const variance = new Float64Array(dim);
  for (let i = 0; i < features.length; i++) mean[i % dim]! += features[i]! / labels.length;
  for (let i = 0; i < features.length; i++) variance[i % dim]! += (features[i]! - mean[i % dim]!) ** 2 / labels.length;
  return { mean, deviation: variance.map((value) => Math.sqrt(value) || 1) };
}

function standardize(features: Float32Array | Float64Array, { mean, deviation }: Scaler): Float64Array {
  const dim = mean.length;
  return Float64Array.from(features, (value, i) => (value - mean[i % dim]!) / deviation[i % dim]!);
}

/** Mean cross-entropy of softmax(W row + b) plus l2 / 2 |W|², as a function of the parameters [classes, dim + 1]. */
function crossEntropy(
  rows: Float64Array,
  targets: readonly number[],
  dim: number,
  classes: number,
  l2: number,
): Objective {
  const logits = new Float64Array(classes);
  return (parameters, gradient) => {
    gradient.fill(0);
    let loss = 0;
    targets.forEach((target, n) => {
      const row = rows.subarray(n * dim, (n + 1) * dim);
      writeLogits(logits, row, parameters);
      const targetLogit = logits[target]!;
      const logSum = softmaxInPlace(logits);
      loss += (logSum - targetLogit) / targets.length;
      for (let c = 0; c < classes; c++) {
        const error = (logits[c]! - (c === target ? 1 : 0)) / targets.length;
        const offset = c * (dim + 1);
        for (let i = 0; i < dim; i++) gradient[offset + i]! += error * row[i]!;
        gradient[offset + dim]! += error;
      }
    });
    for (let i = 0; i < parameters.length; i++) {
      if (i % (dim + 1) === dim) continue; // the bias is free
      loss += (l2 / 2) * parameters[i]! ** 2;
      gradient[i]! += l2 * parameters[i]!;
    }
    return loss;
  };
}

/** logits[c] = W[c] · row + b[c] */
function writeLogits(logits: Float64Array, row: Float64Array, parameters: Float64Array): void {
  for (let c = 0; c < logits.length; c++) {
    const offset = c * (row.length + 1);
    let sum = parameters[offset + row.length]!;
    for (let i = 0; i < row.length; i++) sum += parameters[offset + i]! * row[i]!;
    logits[c] = sum;
  }
}

/** Turns logits into probabilities and returns log(sum(exp(logits))). */
function softmaxInPlace(logits: Float64Array): number {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let c = 0; c < logits.length; c++) sum += logits[c] = Math.exp(logits[c]! - largest);
  for (let c = 0; c < logits.length; c++) logits[c]! /= sum;
  return largest + Math.log(sum);
}

function checkPositive(value: number, name: string): void {
  if (!(Number.isFinite(value) && value > 0)) throw expected("INVALID_ARGUMENT", "a positive number", name, value);
}
