import { IapoError } from '../errors.js';

/**
 * A configuration with one option set, as `--set reward.lambda=0.3` says. What reads as JSON is JSON, the rest text.
 *
 * @throws {IapoError} `config-invalid` for an assignment without `=`, or a path through something that is no object.
 */
export function setOption(
  config: Readonly<Record<string, unknown>>,
  assignment: string,
): Record<string, unknown> {
  const at = assignment.indexOf('=');
  const path = assignment.slice(0, at).split('.');
  if (at < 1 || path.some((key) => key === '')) {
    throw new IapoError(
      'config-invalid',
      `\`--set\` takes name=value, such as reward.lambda=0.3; got "${assignment}".`,
    );
  }
  return assign(config, path, readValue(assignment.slice(at + 1)), assignment);
}

function assign(
  object: Readonly<Record<string, unknown>>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
  assignment: string,
): Record<string, unknown> {
  // Own properties only: `__proto__` and the like are names as any other, and unknown to the schema.
  const result: Record<string, unknown> = Object.assign(Object.create(null), object);
  if (rest.length === 0) {
    result[key] = value;
    return { ...result };
  }
  const inner = Object.hasOwn(object, key) ? object[key] : undefined;
  const isName = typeof inner === 'string';
  if (inner !== undefined && inner !== null && !isName && !isPlain(inner)) {
    throw new IapoError('config-invalid', `\`--set ${assignment}\`: "${key}" holds no options.`);
  }
  result[key] = assign(isPlain(inner) ? inner : {}, rest, value, assignment);
  return { ...result };
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
