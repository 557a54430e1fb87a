import { VlmError } from '../errors.js';
import { matchNames, toPythonPattern } from './python-pattern.js';
import type { AdapterConfig, LoraOptions, LoraTarget } from './types.js';

/** PEFT's word for every linear layer but the output layer; in any case. */
export const allLinear = 'all-linear';

/**
 * Chooses the modules that get a branch, as PEFT 0.21 does.
 *
 * A list names modules by their whole name or by its end from a dot on; a string is a regular expression that
 * must match the whole name; `all-linear` takes all. Rank and α of a module are those of the first pattern that
 * matches its name or the end of it, else `r` and `alpha`.
 *
 * @param moduleNames The model's linear layers, without the output layer.
 * @returns In the order of `moduleNames`.
 * @throws {VlmError} `invalid-argument` if no module is chosen, or a rank or α is none.
 * @see PEFT `tuners/tuners_utils.py` check_target_module_exists, `utils/other.py` get_pattern_key,
 * `tuners/lora/layer.py` update_layer
 */
export function matchTargets(
  moduleNames: readonly string[],
  options: LoraOptions | AdapterConfig,
): LoraTarget[] {
  const chosen = chooseModules(moduleNames, options);
  if (chosen.length === 0) {
    throw new VlmError(
      'invalid-argument',
      `\`targetModules\` ${describeTargets(options.targetModules)} matches none of the model's ${moduleNames.length} linear layers, such as ${moduleNames.slice(0, 7).join(', ')}.`,
    );
  }
  const ranks = valuesByPattern(chosen, options.rankPattern ?? {}, options.r ?? 8);
  const alphas = valuesByPattern(chosen, options.alphaPattern ?? {}, options.alpha ?? 8);
  return chosen.map((module, index) => {
    const rank = ranks[index] ?? 0;
    const alpha = alphas[index] ?? Number.NaN;
    if (!Number.isInteger(rank) || rank < 1 || rank > maximumRank) {
      throw new VlmError(
        'invalid-argument',
        `The rank of ${module} must be a whole number from 1 to ${maximumRank}, got ${rank}.`,
      );
    }
    if (!Number.isFinite(alpha)) {
      throw new VlmError(
        'invalid-argument',
        `The alpha of ${module} must be a finite number, got ${alpha}.`,
      );
    }
    const scaling = options.rsLora === true ? alpha / Math.sqrt(rank) : alpha / rank;
    return { module, rank, alpha, scaling };
  });
}

/** No layer of today's models is wider; a larger rank is a slip of the pen. */
const maximumRank = 65_536;

function chooseModules(
  moduleNames: readonly string[],
  options: LoraOptions | AdapterConfig,
): string[] {
  const excluded = matchesName(options.excludeModules ?? [], moduleNames);
  const targeted = matchesName(patternOf(options.targetModules), moduleNames);
  const isInLayers = layerFilter(options, moduleNames);
  // As in PEFT, a whole name stands for its module in whatever layer it is.
  const wholeNames = new Set(Array.isArray(options.targetModules) ? options.targetModules : []);
  return moduleNames.filter(
    (name, index) =>
      targeted[index] === true &&
      excluded[index] !== true &&
      (wholeNames.has(name) || isInLayers(name, index)),
  );
}

function patternOf(targets: LoraOptions['targetModules']): readonly string[] | string {
  return targets instanceof RegExp ? toPythonPattern(targets) : targets;
}

function matchesName(pattern: readonly string[] | string, names: readonly string[]): boolean[] {
  if (typeof pattern !== 'string') {
    return names.map((name) => pattern.some((end) => name === end || name.endsWith(`.${end}`)));
  }
  if (pattern.toLowerCase() === allLinear) return names.map(() => true);
  return matchNames('whole', [pattern], names).map((match) => match !== null);
}

/** With a list of layers, only modules whose first number (after a name of `layersPattern`) is among them. */
function layerFilter(
  options: LoraOptions | AdapterConfig,
  names: readonly string[],
): (name: string, index: number) => boolean {
  const wanted = options.layersToTransform ?? [];
  const layers = typeof wanted === 'number' ? [wanted] : wanted;
  const lists = options.layersPattern ?? [];
  const patterns = typeof lists === 'string' ? (lists === '' ? [] : [lists]) : lists;
  if (typeof wanted !== 'number' && layers.length === 0) {
    if (patterns.length === 0) return () => true;
    throw new VlmError('invalid-argument', '`layersPattern` needs `layersToTransform` as well.');
  }
  if (typeof patternOf(options.targetModules) === 'string') {
    throw new VlmError(
      'invalid-argument',
      '`layersToTransform` needs a list of `targetModules`; a pattern can name the layers itself.',
    );
  }
  if (patterns.length === 0) {
    // PEFT: re.match(r".*?\.[^.]*\.(?P<idx>\d+)\.", name), the first number between dots.
    return (name) => {
      const number = /^.*?\.[^.]*\.(\d+)\./.exec(name)?.[1];
      return number !== undefined && layers.includes(Number(number));
    };
  }
  const matches = matchNames('index', patterns, names);
  return (_, index) => {
    const number = matches[index]?.index ?? null;
    return number !== null && layers.includes(number);
  };
}

function valuesByPattern(
  modules: readonly string[],
  values: Readonly<Record<string, number>>,
  otherwise: number,
): number[] {
  const patterns = Object.keys(values);
  return matchNames('end', patterns, modules).map((match) => {
    const pattern = match === null ? undefined : patterns[match.pattern];
    return pattern === undefined ? otherwise : (values[pattern] ?? otherwise);
  });
}

function describeTargets(targets: LoraOptions['targetModules']): string {
  return targets instanceof RegExp ? String(targets) : JSON.stringify(targets);
}
