import { ExpressionEvaluator } from './expressions.js';
import type { Expression, Identifier, Parameter, Statement } from './nodes.js';
import { Scope } from './scope.js';
import { TracedText } from './traced-text.js';
import {
  type Arguments,
  Callable,
  isTruthy,
  iterate,
  List,
  Mapping,
  Namespace,
  toText,
  typeName,
  type Value,
} from './values.js';

/** Ends a pass of a loop, or the loop. */
class LoopControl extends Error {
  readonly isEnd: boolean;

  constructor(isEnd: boolean) {
    super('break and continue belong into loops');
    this.isEnd = isEnd;
  }
}

/**
 * Runs a chat template as Jinja does in Python, with every character traced to where it comes from. Only the syntax
 * tree is taken from `@huggingface/jinja`, whose interpreter keeps no account of that.
 */
export class Interpreter {
  readonly #expressions: ExpressionEvaluator = new ExpressionEvaluator();

  run(program: readonly Statement[], globals: Scope): TracedText {
    return this.#capture(program, new Scope(globals));
  }

  #capture(statements: readonly Statement[], scope: Scope): TracedText {
    const written: TracedText[] = [];
    this.#block(statements, scope, written);
    return TracedText.concat(written);
  }

  #block(statements: readonly Statement[], scope: Scope, out: TracedText[]): void {
    for (const statement of statements) this.#statement(statement, scope, out);
  }

  #statement(node: Statement, scope: Scope, out: TracedText[]): void {
    switch (node.type) {
      case 'Comment':
        return;
      case 'Break':
        throw new LoopControl(true);
      case 'Continue':
        throw new LoopControl(false);
      case 'If': {
        const { value, dependsOnTools } = this.#expressions.watch(node.test, scope);
        const chosen = isTruthy(value) ? node.body : node.alternate;
        this.#expressions.under(dependsOnTools, () => this.#block(chosen, scope, out));
        return;
      }
      case 'For':
        this.#for(node, scope, out);
        return;
      case 'Set':
        this.#set(node, scope);
        return;
      case 'Macro':
        scope.set(node.name.value, this.#macro(node.args, node.body, scope));
        return;
      case 'CallStatement': {
        const callee = this.#expressions.evaluate(node.call.callee, scope);
        if (!(callee instanceof Callable)) throw new Error('only macros are called with a block');
        const { positional, named } = this.#expressions.arguments(node.call.args, scope);
        const caller = this.#macro(node.callerArgs ?? [], node.body, scope);
        out.push(
          toText(callee.call({ positional, named: new Map([...named, ['caller', caller]]) })),
        );
        return;
      }
      case 'FilterStatement': {
        const value = this.#capture(node.body, scope);
        out.push(toText(this.#expressions.filter(value, node.filter, scope)));
        return;
      }
      default:
        out.push(toText(this.#expressions.evaluate(node, scope), this.#expressions.source));
    }
  }

  #for(node: Extract<Statement, { type: 'For' }>, scope: Scope, out: TracedText[]): void {
    const { iterable } = node;
    const isFiltered = iterable.type === 'SelectExpression';
    const { value, dependsOnTools } = this.#expressions.watch(
      isFiltered ? iterable.lhs : iterable,
      scope,
    );
    const items = iterate(value).filter((item) => {
      if (!isFiltered) return true;
      const inner = new Scope(scope);
      this.#assign(node.loopvar, item, inner);
      return isTruthy(this.#expressions.evaluate(iterable.test, inner));
    });
    this.#expressions.under(dependsOnTools, () => {
      if (items.length === 0) this.#block(node.defaultBlock, scope, out);
      for (const [index, item] of items.entries()) {
        // Each pass has names of its own: only a namespace carries anything to the next.
        const inner = new Scope(scope);
        inner.set('loop', loopVariable(items, index));
        this.#assign(node.loopvar, item, inner, dependsOnTools);
        try {
          this.#block(node.body, inner, out);
        } catch (error) {
          if (!(error instanceof LoopControl)) throw error;
          if (error.isEnd) break;
        }
      }
    });
  }

  #set(node: Extract<Statement, { type: 'Set' }>, scope: Scope): void {
    const { value, dependsOnTools } =
      node.value === null
        ? { value: this.#capture(node.body, scope), dependsOnTools: false }
        : this.#expressions.watch(node.value, scope);
    const isUnderTools = dependsOnTools || this.#expressions.isUnderTools;
    if (node.assignee.type !== 'MemberExpression') {
      this.#assign(node.assignee, value, scope, isUnderTools);
      return;
    }
    const object = this.#expressions.evaluate(node.assignee.object, scope);
    const { property } = node.assignee;
    if (!(object instanceof Namespace) || property.type !== 'Identifier')
      throw new Error('only names and attributes of namespaces can be set');
    object.entries.set(property.value, value);
    if (isUnderTools) object.dependsOnTools.add(property.value);
  }

  #assign(
    target: Expression | { readonly type: 'TupleLiteral'; readonly value: readonly Expression[] },
    value: Value,
    scope: Scope,
    dependsOnTools = false,
  ): void {
    if (target.type === 'Identifier') {
      scope.set(target.value, value, dependsOnTools);
      return;
    }
    if (target.type !== 'TupleLiteral') throw new Error(`cannot set a ${target.type}`);
    const values = iterate(value);
    if (values.length !== target.value.length)
      throw new Error(`${target.value.length} names are set from ${values.length} values`);
    for (const [index, name] of target.value.entries())
      this.#assign(name, values[index], scope, dependsOnTools);
  }

  #macro(parameters: readonly Parameter[], body: readonly Statement[], scope: Scope): Callable {
    return new Callable((args) => {
      const inner = new Scope(scope);
      inner.set('caller', args.named.get('caller'));
      for (const [index, parameter] of parameters.entries()) {
        const name: Identifier = parameter.type === 'Identifier' ? parameter : parameter.key;
        inner.set(name.value, this.#argument(args, index, parameter, inner));
      }
      return this.#capture(body, inner);
    });
  }

  #argument(args: Arguments, index: number, parameter: Parameter, scope: Scope): Value {
    if (index < args.positional.length) return args.positional[index];
    if (parameter.type === 'Identifier') return args.named.get(parameter.value);
    const name = parameter.key.value;
    return args.named.has(name)
      ? args.named.get(name)
      : this.#expressions.evaluate(parameter.value, scope);
  }
}

function loopVariable(items: readonly Value[], index: number): Mapping {
  const { length } = items;
  return new Mapping(
    new Map<string, Value>([
      ['index', index + 1],
      ['index0', index],
      ['revindex', length - index],
      ['revindex0', length - index - 1],
      ['first', index === 0],
      ['last', index === length - 1],
      ['length', length],
      ['previtem', items[index - 1]],
      ['nextitem', items[index + 1]],
    ]),
  );
}

/** `range`, at most this long: no template counts further, and a broken one should not fill the memory. */
const longestRange = 100_000;

/** The functions that transformers gives to chat templates, besides the date. */
export function templateFunctions(): ReadonlyMap<string, Callable> {
  const numberOf = (value: Value): number => {
    if (typeof value === 'number') return value;
    throw new Error(`range() expects numbers, got ${typeName(value)}`);
  };
  const range = ({ positional }: Arguments): List => {
    const numbers = positional.map(numberOf);
    const [start = 0, stop = 0, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
    const length = Math.max(Math.ceil((stop - start) / step), 0);
    if (!(length <= longestRange)) throw new Error(`range() of ${length} numbers`);
    return new List(Array.from({ length }, (_, index) => start + index * step));
  };
  const namespace = ({ positional: [initial], named }: Arguments): Namespace => {
    const created = new Namespace();
    if (initial instanceof Mapping)
      for (const [key, value] of initial.entries) created.entries.set(key, value);
    for (const [key, value] of named) created.entries.set(key, value);
    return created;
  };
  const raise = ({ positional: [message] }: Arguments): Value => {
    throw new Error(toText(message).value);
  };
  return new Map([
    ['range', new Callable(range)],
    ['namespace', new Callable(namespace)],
    ['dict', new Callable(({ named }) => new Mapping(named))],
    ['raise_exception', new Callable(raise)],
  ]);
}
