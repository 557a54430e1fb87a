import type { MethodSettings } from './methods/method.js';
import type { JsonValue } from './result.js';
import type { TokenWeights } from './spans/token-weights.js';

/** Settings as plain data: a quadrature by its name, fixed draws by their number. */
export function describeSettings(settings: MethodSettings): Record<string, JsonValue> {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, describe(value)]));
}

function describe(value: unknown): JsonValue {
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean')
    return value;
  if (Array.isArray(value)) return `${value.length} given`;
  if (typeof value === 'object' && value !== null && 'name' in value) {
    const parameters = 'parameters' in value ? JSON.stringify(value.parameters) : '';
    return `${String(value.name)}${parameters === '' ? '' : `(${parameters})`}`;
  }
  return JSON.stringify(value) ?? String(value);
}

/** `all`, a span's name, several joined by `+`, or `custom` for weights. */
export function describeSpan(choice: TokenWeights = 'all'): string {
  if (typeof choice === 'string') return choice;
  const spans = Array.from<unknown>(choice).filter((entry) => typeof entry === 'string');
  return spans.length > 0 && spans.length === choice.length ? spans.join('+') : 'custom';
}
