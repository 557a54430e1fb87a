import { templateFilter } from './filters.js';
import { methodOf } from './methods.js';
import type {
  Argument,
  CallExpression,
  Expression,
  Filter,
  MemberExpression,
  SliceExpression,
} from './nodes.js';
import { applyOperator } from './operators.js';
import type { Scope } from './scope.js';
import { templateTests } from './tests.js';
import { type Source, TracedText, templateSource } from './traced-text.js';
import {
  type Arguments,
  Callable,
  isTruthy,
  iterate,
  List,
  Mapping,
  Namespace,
  typeName,
  type Value,
} from './values.js';

const toolsTemplateSource: Source = { kind: 'template', dependsOnTools: true };

/**
 * Evaluates expressions and keeps account of what depends on the tools: by data (a value that was computed from them)
 * and by control (text that is written only because there are some).
 */
export class ExpressionEvaluator {
  /** Whether anything read since this was last put back depends on the tools. */
  #readsTools = false;
  /** How many of the surrounding conditions depend on the tools. */
  #depth = 0;

  /** The source of what the template writes at this place. */
  get source(): Source {
    return this.#depth > 0 ? toolsTemplateSource : templateSource;
  }

  get isUnderTools(): boolean {
    return this.#depth > 0;
  }

  /** Evaluates, and says whether the result depends on the tools. */
  watch(expression: Expression, scope: Scope): { value: Value; dependsOnTools: boolean } {
    const outer = this.#readsTools;
    this.#readsTools = false;
    const value = this.evaluate(expression, scope);
    const dependsOnTools = this.#readsTools;
    this.#readsTools = outer || dependsOnTools;
    return { value, dependsOnTools };
  }

  /** Runs what happens only because of something that depends on the tools, or not. */
  under<T>(dependsOnTools: boolean, run: () => T): T {
    if (!dependsOnTools) return run();
    this.#depth++;
    try {
      return run();
    } finally {
      this.#depth--;
    }
  }

  evaluate(node: Expression, scope: Scope): Value {
    switch (node.type) {
      case 'IntegerLiteral':
      case 'FloatLiteral':
        return node.value;
      case 'StringLiteral':
        return TracedText.of(node.value, this.source);
      case 'ArrayLiteral':
      case 'TupleLiteral':
        return new List(node.value.map((item) => this.evaluate(item, scope)));
      case 'ObjectLiteral':
        return new Mapping(
          new Map(
            Array.from(node.value, ([key, value]) => [
              this.#key(key, scope),
              this.evaluate(value, scope),
            ]),
          ),
        );
      case 'Identifier': {
        const variable = scope.find(node.value);
        if (variable?.dependsOnTools) this.#readsTools = true;
        return variable?.value;
      }
      case 'MemberExpression':
        return this.#member(node, scope);
      case 'CallExpression':
        return this.#call(node, scope);
      case 'BinaryExpression':
        return this.#binary(node, scope);
      case 'FilterExpression':
        return this.filter(this.evaluate(node.operand, scope), node.filter, scope);
      case 'TestExpression': {
        const name = node.test.value;
        const test = Object.hasOwn(templateTests, name) ? templateTests[name] : undefined;
        if (test === undefined) throw new Error(`the test "${name}" is not known`);
        return test(this.evaluate(node.operand, scope)) !== node.negate;
      }
      case 'UnaryExpression':
        return this.#unary(node.operator.value, this.evaluate(node.argument, scope));
      case 'SelectExpression':
        return this.#choose(node.test, node.lhs, null, scope);
      case 'Ternary':
        return this.#choose(node.condition, node.trueExpr, node.falseExpr, scope);
    }
  }

  /** The value of `then` or of `otherwise`, which is written because of the condition. */
  #choose(
    condition: Expression,
    then: Expression,
    otherwise: Expression | null,
    scope: Scope,
  ): Value {
    const { value, dependsOnTools } = this.watch(condition, scope);
    const chosen = isTruthy(value) ? then : otherwise;
    return chosen === null
      ? undefined
      : this.under(dependsOnTools, () => this.evaluate(chosen, scope));
  }

  #binary(node: Extract<Expression, { type: 'BinaryExpression' }>, scope: Scope): Value {
    const operator = node.operator.value;
    const left = this.evaluate(node.left, scope);
    if (operator === 'and') return isTruthy(left) ? this.evaluate(node.right, scope) : left;
    if (operator === 'or') return isTruthy(left) ? left : this.evaluate(node.right, scope);
    return applyOperator(operator, left, this.evaluate(node.right, scope));
  }

  #unary(operator: string, value: Value): Value {
    if (operator === 'not') return !isTruthy(value);
    if (typeof value !== 'number')
      throw new Error(`cannot apply ${operator} to ${typeName(value)}`);
    return operator === '-' ? -value : value;
  }

  #key(node: Expression, scope: Scope): string {
    const key = this.evaluate(node, scope);
    if (key instanceof TracedText) return key.value;
    throw new Error(`keys must be strings, got ${typeName(key)}`);
  }

  #member(node: MemberExpression, scope: Scope): Value {
    const object = this.evaluate(node.object, scope);
    const { property } = node;
    if (property.type === 'SliceExpression') return this.#slice(object, property, scope);
    if (!node.computed && property.type === 'Identifier') {
      const name = property.value;
      // As Python's getattr before the look-up of an item: a mapping's own methods win.
      return methodOf(object, name) ?? this.#item(object, name);
    }
    const key = this.evaluate(property, scope);
    if (key instanceof TracedText) return this.#item(object, key.value);
    if (typeof key !== 'number') return undefined;
    if (object instanceof TracedText) return object.characters().at(key);
    return object instanceof List ? object.items.at(key) : this.#item(object, String(key));
  }

  #item(object: Value, name: string): Value {
    if (object instanceof Mapping) return object.entries.get(name);
    if (object instanceof Namespace) {
      if (object.dependsOnTools.has(name)) this.#readsTools = true;
      return object.entries.get(name);
    }
    if (object === undefined || object === null)
      throw new Error(`"${name}" is looked up in ${typeName(object)}`);
    return undefined;
  }

  #slice(object: Value, node: SliceExpression, scope: Scope): Value {
    const bound = (part: Expression | undefined): number | undefined => {
      const value = part === undefined ? undefined : this.evaluate(part, scope);
      if (value === undefined || value === null || typeof value === 'number')
        return value ?? undefined;
      throw new Error(`slices are bounded by numbers, got ${typeName(value)}`);
    };
    const items = object instanceof TracedText ? object.characters() : iterate(object);
    const step = bound(node.step) ?? 1;
    const length = items.length;
    const place = (value: number | undefined, otherwise: number): number => {
      if (value === undefined) return otherwise;
      const index = value < 0 ? value + length : value;
      return step > 0
        ? Math.min(Math.max(index, 0), length)
        : Math.min(Math.max(index, -1), length - 1);
    };
    const start = place(bound(node.start), step > 0 ? 0 : length - 1);
    const stop = place(bound(node.stop), step > 0 ? length : -1);
    const chosen: Value[] = [];
    for (let index = start; step > 0 ? index < stop : index > stop; index += step)
      chosen.push(items[index]);
    if (object instanceof TracedText)
      return TracedText.concat(chosen.filter((item) => item instanceof TracedText));
    return new List(chosen, object instanceof List ? object.source : null);
  }

  #call(node: CallExpression, scope: Scope): Value {
    const callee = this.evaluate(node.callee, scope);
    if (!(callee instanceof Callable))
      throw new Error(`${typeName(callee)} is called like a function`);
    return callee.call(this.arguments(node.args, scope));
  }

  arguments(nodes: readonly Argument[], scope: Scope): Arguments {
    const positional: Value[] = [];
    const named = new Map<string, Value>();
    for (const node of nodes) {
      if (node.type === 'KeywordArgumentExpression')
        named.set(node.key.value, this.evaluate(node.value, scope));
      else if (node.type === 'SpreadExpression')
        positional.push(...iterate(this.evaluate(node.argument, scope)));
      else if (node.type === 'KeywordSpreadExpression') {
        const value = this.evaluate(node.argument, scope);
        if (value instanceof Mapping) for (const [key, item] of value.entries) named.set(key, item);
      } else positional.push(this.evaluate(node, scope));
    }
    return { positional, named };
  }

  filter(value: Value, filter: Filter, scope: Scope): Value {
    if (filter.type === 'Identifier')
      return templateFilter(filter.value)(value, { positional: [], named: new Map() });
    if (filter.callee.type !== 'Identifier') throw new Error('filters are called by their names');
    return templateFilter(filter.callee.value)(value, this.arguments(filter.args, scope));
  }
}
