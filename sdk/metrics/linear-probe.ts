import * as z from "zod";
import { expected, present } from "../errors.ts";
import { rowsOf } from "../linear-algebra/matrices.ts";
import { addScaled, addShare, divide, entry, plusScaled } from "../linear-algebra/vectors.ts";
import { option, parseOptions } from "../options.ts";
import { zip } from "../zip.ts";
import { checkFeatures, checkLabelled, type LabelledFeatures } from "./labelled-features.ts";
import { minimizeLbfgs, type Objective } from "./lbfgs.ts";

/** How `trainLinearProbe` trains. */
export interface LinearProbeOptions {
  /** The inverse strength of the L2 penalty on the weights (not the bias), as in scikit-learn. Default 1. */
  readonly C?: number;
  /** Most steps of L-BFGS. Default 1000. */
  readonly maxIterations?: number;
  /** Training stops when no entry of the mean loss's gradient is larger. Default 1e-5. */
  readonly tolerance?: number;
}

const isPositive = (value: number): boolean => value > 0;

const schema = z.strictObject({
  C: option.number("a positive number", isPositive),
  maxIterations: option.integer(1),
  tolerance: option.number("a positive number", isPositive),
});

/**
 * Trains a linear probe: multinomial logistic regression on standardised features (mean 0 and deviation 1 per
 * column of the training set), full batch, by L-BFGS from zero. It minimises mean cross-entropy + |W|² / (2 C n),
 * the objective of scikit-learn's LogisticRegression, to convergence: there is no seed and no learning rate.
 * @throws INVALID_ARGUMENT for fewer than two classes, numbers that are not finite, or a wrong option
 */
export function trainLinearProbe(train: LabelledFeatures, options: LinearProbeOptions = {}): LinearProbe {
  checkLabelled(train, "the training set");
  const { C = 1, maxIterations = 1000, tolerance = 1e-5 } = parseOptions(schema, options, "trainLinearProbe");
  const labels = Array.from(train.labels);
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  if (classes.length < 2) {
    throw expected("INVALID_ARGUMENT", "at least two classes", "the training set's labels", classes);
  }
  const rows = rowsOf(new Float64Array(train.features), train.dim);
  const scaler = fitScaler(rows, train.dim);
  standardize(rows, scaler);
  const targets = labels.map((label) => classes.indexOf(label));
  const objective = crossEntropy(zip(rows, targets), train.dim, classes.length, 1 / (C * labels.length));
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
  /** Steps of L-BFGS. */
  readonly iterations: number;
  /** False when `maxIterations` came first. The accuracy is then a lower bound of what the features hold. */
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

  /**
   * The most likely label of each row of `features` [n, dim]: [n].
   * @throws INVALID_ARGUMENT for rows of another width, or numbers that are not finite
   */
  predict(features: Float32Array | Float64Array): number[] {
    const dim = this.#scaler.mean.length;
    checkFeatures(features, dim, Math.ceil((features?.length ?? 0) / dim), "the features to predict");
    const rows = rowsOf(new Float64Array(features), dim);
    standardize(rows, this.#scaler);
    const ofClasses = rowsOf(this.#parameters, dim + 1);
    const logits = new Float64Array(ofClasses.length);
    return rows.map((row) => {
      writeLogits(logits, row, ofClasses);
      return present(this.classes[logits.indexOf(Math.max(...logits))], "a class");
    });
  }

  /**
   * The share of `set` that it classifies correctly, 0 to 1. A label that it never saw counts as wrong.
   * @throws INVALID_ARGUMENT as `predict`
   */
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

function fitScaler(rows: readonly Float64Array[], dim: number): Scaler {
  const mean = new Float64Array(dim);
  const variance = new Float64Array(dim);
  for (const row of rows) addShare(mean, row, rows.length);
  for (const row of rows) {
    const squares = plusScaled(row, -1, mean).map((difference) => difference ** 2);
    addShare(variance, squares, rows.length);
  }
  return { mean, deviation: variance.map((value) => Math.sqrt(value) || 1) };
}

/** Overwrites rows [dim]: each column less its mean, over its deviation. */
function standardize(rows: readonly Float64Array[], { mean, deviation }: Scaler): void {
  for (const row of rows) {
    addScaled(row, -1, mean);
    row.forEach((value, i) => {
      row[i] = value / entry(deviation, i);
    });
  }
}

/**
 * Mean cross-entropy of softmax(W row + b) plus l2 / 2 |W|², as a function of the parameters [classes, dim + 1]; the
 * bias is free.
 * @param examples each row [dim] with the place of its class among the classes
 */
function crossEntropy(
  examples: readonly (readonly [row: Float64Array, target: number])[],
  dim: number,
  classes: number,
  l2: number,
): Objective {
  const logits = new Float64Array(classes);
  const biasGradient = new Float64Array(classes);
  return (parameters, gradient) => {
    const ofClasses = rowsOf(parameters, dim + 1);
    const weightGradients = rowsOf(gradient, dim + 1).map((row) => row.subarray(0, dim));
    gradient.fill(0);
    biasGradient.fill(0);
    let loss = 0;
    for (const [row, target] of examples) {
      writeLogits(logits, row, ofClasses);
      const targetLogit = entry(logits, target);
      const logSum = softmaxInPlace(logits);
      loss += (logSum - targetLogit) / examples.length;
      const errors = logits; // from here on
      errors[target]! -= 1;
      divide(errors, examples.length);
      weightGradients.forEach((weightGradient, c) => {
        addScaled(weightGradient, entry(errors, c), row);
      });
      addScaled(biasGradient, 1, errors);
    }
    for (const [c, [weightGradient, ofClass]] of zip(weightGradients, ofClasses).entries()) {
      const weights = ofClass.subarray(0, dim);
      loss = weights.reduce((sum, weight) => sum + (l2 / 2) * weight ** 2, loss);
      addScaled(weightGradient, l2, weights);
      gradient[c * (dim + 1) + dim] = entry(biasGradient, c);
    }
    return loss;
  };
}

/** logits[c] = b[c] + W[c] · row, of each class's weights and then its bias [dim + 1]. */
function writeLogits(logits: Float64Array, row: Float64Array, ofClasses: readonly Float64Array[]): void {
  ofClasses.forEach((parameters, c) => {
    let sum = entry(parameters, row.length);
    for (let i = 0; i < row.length; i++) sum += parameters[i]! * row[i]!;
    logits[c] = sum;
  });
}

/** Turns logits into probabilities and returns log(sum(exp(logits))). */
function softmaxInPlace(logits: Float64Array): number {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let c = 0; c < logits.length; c++) sum += logits[c] = Math.exp(logits[c]! - largest);
  divide(logits, sum);
  return largest + Math.log(sum);
}
