/** ln of the softmax of logits at `id`: the natural logarithm of its probability at temperature 1. @param logits [n], finite but for -Infinity */
export function logLikelihood(logits: Float32Array, id: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return logits[id]! - largest - Math.log(sum);
}
