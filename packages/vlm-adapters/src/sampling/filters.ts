/**
 * The k-th largest score, without sorting the others: a heap of the k largest so far, its least on top.
 *
 * @param k From 1 to the number of scores.
 */
export function atLeastKth(scores: Float64Array, k: number): number {
  const heap = scores.slice(0, k).sort();
  // An ascending array is a heap already.
  let least = heap[0] as number;
  for (let id = k; id < scores.length; id++) {
    const score = scores[id] as number;
    if (score <= least) continue;
    sinkFromTop(heap, score);
    least = heap[0] as number;
  }
  return least;
}

/** Puts a value in place of the heap's least. */
function sinkFromTop(heap: Float64Array, value: number): void {
  const { length } = heap;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= length) break;
    if (child + 1 < length && (heap[child + 1] as number) < (heap[child] as number)) child++;
    if ((heap[child] as number) >= value) break;
    heap[place] = heap[child] as number;
    place = child;
  }
  heap[place] = value;
}

/** Bins by order of magnitude; with so many, the one that needs sorting holds few tokens. */
const bins = 2048;

/** Natural orders of magnitude below the largest weight that have bins of their own. */
const depth = 64;

/**
 * Keeps the smallest set of most probable tokens whose weight reaches `topP` of the total, the token that
 * crosses included; the lower id comes first among equals. Others get weight 0.
 *
 * Weights are counted into bins by their logarithm, and only the bin in which the set ends is sorted.
 *
 * @param weights At most 1, and 1 the largest.
 * @param exponents Their logarithms.
 * @returns Weight of the set.
 */
export function nucleus(
  weights: Float64Array,
  exponents: Float64Array,
  { total, topP }: { readonly total: number; readonly topP: number },
): number {
  const wanted = topP * total;
  const masses = new Float64Array(bins);
  const binOf = (id: number): number =>
    Math.min(bins - 1, Math.floor((exponents[id] as number) * (-bins / depth)));
  for (let id = 0; id < weights.length; id++) {
    const bin = binOf(id);
    masses[bin] = (masses[bin] as number) + (weights[id] as number);
  }
  let kept = 0;
  let last = 0;
  while (last < bins - 1 && kept + (masses[last] as number) < wanted) {
    kept += masses[last] as number;
    last++;
  }
  const edge: number[] = [];
  for (let id = 0; id < weights.length; id++) {
    const bin = binOf(id);
    if (bin === last) edge.push(id);
    else if (bin > last) weights[id] = 0;
  }
  // Stable, and ids ascend: equals stay in the order of ids.
  edge.sort((a, b) => (weights[b] as number) - (weights[a] as number));
  let sum = kept;
  for (const id of edge) {
    if (sum < wanted) sum += weights[id] as number;
    else weights[id] = 0;
  }
  return sum;
}
