import type { Expression } from '../python/expression.js';
import { SyntaxFault, type TextSpan } from '../python/tokens.js';
import type { ToolTable } from '../tools/visual-tool.js';
import { objectFrom } from './json-reader.js';
import type {
  ArgumentSpan,
  BoxesReference,
  ImageReference,
  ParseFailure,
  ToolCall,
} from './types.js';

/** What an expression stands for: plain data, an image, or a set of boxes named by variable. */
type Value =
  | { readonly kind: 'data'; readonly value: unknown }
  | { readonly kind: 'image'; readonly image: ImageReference }
  | { readonly kind: 'boxes'; readonly name: string };

const IMAGE_VARIABLE = /^image_([1-9]\d{0,2})$/;
const BOX_VARIABLES = new Set(['columns_bbox', 'rows_bbox', 'x_values_bbox', 'y_values_bbox']);
/** The originals' names of the third parameter, `all_columns_bounding_boxes` and so on. */
const BOX_PARAMETER = /^all_\w+_bounding_boxes$/;

/**
 * Gathers the tool calls of a block, statement by statement. Only the values of literals and the
 * identity of images are followed; nothing is computed.
 */
export class PythonCalls {
  readonly calls: ToolCall[] = [];
  /** The first unknown tool or misfit argument; reading goes on, to find syntax errors. */
  failure: ParseFailure | null = null;
  /** The image that was displayed last, as in the originals. */
  display: ImageReference | null = null;
  readonly #tools: ToolTable | null;
  readonly #variables = new Map<string, Value>();

  constructor(tools: ToolTable | null) {
    this.#tools = tools;
  }

  /** `name = expression` */
  assign(name: string, expression: Expression): void {
    this.#variables.set(name, this.#evaluate(expression));
  }

  /** An expression on a line of its own. @throws {SyntaxFault} For anything but a call. */
  statement(expression: Expression): void {
    if (expression.type !== 'call') {
      throw new SyntaxFault(
        'a statement must be a call or an assignment',
        expression.start,
        expression.end,
      );
    }
    if (expression.name !== 'display') {
      this.#evaluate(expression);
      return;
    }
    const [shown] = expression.positional;
    if (
      shown === undefined ||
      expression.positional.length !== 1 ||
      expression.keywords.length > 0
    ) {
      throw new SyntaxFault('display takes one image', expression.start, expression.end);
    }
    const value = this.#evaluate(shown);
    if (value.kind !== 'image') {
      throw new SyntaxFault('display takes an image', shown.start, shown.end);
    }
    this.display = value.image;
  }

  #evaluate(expression: Expression): Value {
    switch (expression.type) {
      case 'call':
        return { kind: 'image', image: this.#call(expression) };
      case 'name':
        return this.#variable(expression.name, expression);
      case 'integer':
        return { kind: 'data', value: Number(expression.value) };
      case 'list':
      case 'tuple':
        return { kind: 'data', value: expression.items.map((item) => this.#data(item)) };
      case 'dict':
        return {
          kind: 'data',
          value: objectFrom(
            expression.entries.map(([key, item]) => [String(this.#data(key)), this.#data(item)]),
          ),
        };
      default:
        return { kind: 'data', value: expression.value };
    }
  }

  /** An item of a literal. No variables: `a = [a, a]` repeated would double with every line. */
  #data(expression: Expression): unknown {
    const isLiteral = expression.type !== 'name' && expression.type !== 'call';
    const value = isLiteral ? this.#evaluate(expression) : null;
    if (value?.kind === 'data') return value.value;
    throw new SyntaxFault('only literals are allowed here', expression.start, expression.end);
  }

  #variable(name: string, span: TextSpan): Value {
    const known = this.#variables.get(name);
    if (known !== undefined) return known;
    const image = IMAGE_VARIABLE.exec(name)?.[1];
    if (image !== undefined) {
      return { kind: 'image', image: { kind: 'image', index: Number(image) - 1 } };
    }
    if (BOX_VARIABLES.has(name)) return { kind: 'boxes', name };
    throw new SyntaxFault(`the name "${name}" is not known`, span.start, span.end);
  }

  #call(expression: Expression & { readonly type: 'call' }): ImageReference {
    const { name, nameSpan } = expression;
    if (name === 'display') {
      throw new SyntaxFault('display gives nothing back', expression.start, expression.end);
    }
    const tool =
      this.#tools !== null && Object.hasOwn(this.#tools, name) ? this.#tools[name] : undefined;
    if (tool === undefined && this.#tools !== null) {
      this.#fail('unknown-tool', `there is no tool "${name}"`, nameSpan);
    }
    const parameters = ['image', ...(tool?.positional ?? [])];
    const given: [string, Expression, TextSpan | null][] = [
      ...expression.positional.map((value, index): [string, Expression, TextSpan | null] => [
        parameters[index] ?? (tool === undefined ? `argument_${index}` : 'boxes'),
        value,
        null,
      ]),
      ...expression.keywords.map((keyword): [string, Expression, TextSpan | null] => [
        BOX_PARAMETER.test(keyword.name) ? 'boxes' : keyword.name,
        keyword.value,
        keyword.nameSpan,
      ]),
    ];
    const values: [string, unknown][] = [];
    const spans: ArgumentSpan[] = [];
    let image: ImageReference | undefined;
    let boxes: BoxesReference | undefined;
    const seen = new Set<string>();
    for (const [parameter, argument, nameAt] of given) {
      const { start, end } = argument;
      spans.push({ argument: parameter, name: nameAt, value: { start, end } });
      const value = this.#evaluate(argument);
      if (seen.has(parameter)) {
        this.#fail('bad-arguments', `the argument "${parameter}" is given twice`, argument);
      } else if (value.kind === 'image') {
        if (parameter === 'image') image = value.image;
        else this.#fail('bad-arguments', `"${parameter}" must not be an image`, argument);
      } else if (parameter === 'image') {
        this.#fail('bad-arguments', 'the first argument must be an image', argument);
      } else if (parameter === 'boxes') {
        boxes = boxesReference(value);
        if (boxes === undefined) {
          this.#fail('bad-arguments', 'the boxes must be a variable or a dict of boxes', argument);
        }
      } else if (value.kind === 'boxes') {
        this.#fail('bad-arguments', `"${parameter}" must be a literal`, argument);
      } else {
        values.push([parameter, value.value]);
      }
      seen.add(parameter);
    }
    if (!seen.has('image')) this.#fail('bad-arguments', 'the call needs an image', expression);
    this.calls.push({
      name,
      arguments: objectFrom(values),
      ...(image && { image }),
      ...(boxes && { boxes }),
      spans: {
        call: { start: expression.start, end: expression.end },
        name: { start: nameSpan.start, end: nameSpan.end },
        arguments: spans,
      },
    });
    return { kind: 'call', index: this.calls.length - 1 };
  }

  #fail(kind: ParseFailure['kind'], message: string, { start, end }: TextSpan): void {
    this.failure ??= { kind, message, span: { start, end } };
  }
}

function boxesReference(value: Value): BoxesReference | undefined {
  if (value.kind === 'boxes') return { kind: 'variable', name: value.name };
  if (value.kind !== 'data' || typeof value.value !== 'object' || value.value === null)
    return undefined;
  if (Array.isArray(value.value)) return undefined;
  return { kind: 'literal', value: { ...value.value } };
}
