import { TracedText } from './traced-text.js';
import { areEqual, iterate, List, Mapping, toText, typeName, type Value } from './values.js';

/** What a binary operator that always needs both sides gives, as Python has it. */
export function applyOperator(operator: string, left: Value, right: Value): Value {
  switch (operator) {
    case '==':
      return areEqual(left, right);
    case '!=':
      return !areEqual(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    case '~':
      return TracedText.concat([toText(left), toText(right)]);
    case '<':
    case '>':
    case '<=':
    case '>=':
      return isOrdered(operator, compareValues(left, right));
    default:
      return arithmetic(operator, left, right);
  }
}

function contains(container: Value, value: Value): boolean {
  if (container instanceof TracedText && value instanceof TracedText)
    return container.value.includes(value.value);
  if (container instanceof Mapping)
    return value instanceof TracedText && container.entries.has(value.value);
  return iterate(container).some((item) => areEqual(item, value));
}

function isOrdered(operator: string, order: number): boolean {
  if (operator === '<') return order < 0;
  if (operator === '>') return order > 0;
  return operator === '<=' ? order <= 0 : order >= 0;
}

/** Negative, zero or positive as `left` comes before, with or after `right`. */
export function compareValues(left: Value, right: Value): number {
  if (left instanceof TracedText && right instanceof TracedText)
    return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
  const isNumber = (value: Value): value is number | boolean =>
    typeof value === 'number' || typeof value === 'boolean';
  if (isNumber(left) && isNumber(right)) return Number(left) - Number(right);
  throw new Error(`cannot compare ${typeName(left)} with ${typeName(right)}`);
}

function arithmetic(operator: string, left: Value, right: Value): Value {
  if (operator === '+' && left instanceof TracedText && right instanceof TracedText)
    return TracedText.concat([left, right]);
  if (operator === '+' && left instanceof List && right instanceof List)
    return new List([...left.items, ...right.items], left.source ?? right.source);
  if (operator === '*' && left instanceof TracedText && typeof right === 'number')
    return TracedText.concat(Array.from({ length: right }, () => left));
  if (typeof left !== 'number' || typeof right !== 'number')
    throw new Error(`cannot apply ${operator} to ${typeName(left)} and ${typeName(right)}`);
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '//':
      return Math.floor(left / right);
    case '%':
      return left - right * Math.floor(left / right);
    case '**':
      return left ** right;
    default:
      throw new Error(`the operator ${operator} is not known`);
  }
}
