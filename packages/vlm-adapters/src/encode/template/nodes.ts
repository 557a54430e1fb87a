import { parse, tokenize } from '@huggingface/jinja';

/** An operator, as the parser leaves it. */
interface Operator {
  readonly value: string;
}

/** The parser's tree: its own types are not exported, so they are written down here. */
export type Expression =
  | { readonly type: 'IntegerLiteral' | 'FloatLiteral'; readonly value: number }
  | { readonly type: 'StringLiteral'; readonly value: string }
  | { readonly type: 'ArrayLiteral' | 'TupleLiteral'; readonly value: readonly Expression[] }
  | { readonly type: 'ObjectLiteral'; readonly value: ReadonlyMap<Expression, Expression> }
  | Identifier
  | MemberExpression
  | CallExpression
  | {
      readonly type: 'BinaryExpression';
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly type: 'FilterExpression'; readonly operand: Expression; readonly filter: Filter }
  | {
      readonly type: 'TestExpression';
      readonly operand: Expression;
      readonly negate: boolean;
      readonly test: Identifier;
    }
  | { readonly type: 'UnaryExpression'; readonly operator: Operator; readonly argument: Expression }
  | { readonly type: 'SelectExpression'; readonly lhs: Expression; readonly test: Expression }
  | {
      readonly type: 'Ternary';
      readonly condition: Expression;
      readonly trueExpr: Expression;
      readonly falseExpr: Expression;
    };

export interface Identifier {
  readonly type: 'Identifier';
  readonly value: string;
}

export interface SliceExpression {
  readonly type: 'SliceExpression';
  readonly start?: Expression | undefined;
  readonly stop?: Expression | undefined;
  readonly step?: Expression | undefined;
}

export interface MemberExpression {
  readonly type: 'MemberExpression';
  readonly object: Expression;
  readonly property: Expression | SliceExpression;
  readonly computed: boolean;
}

export interface KeywordArgument {
  readonly type: 'KeywordArgumentExpression';
  readonly key: Identifier;
  readonly value: Expression;
}

export type Argument =
  | Expression
  | KeywordArgument
  | { readonly type: 'SpreadExpression'; readonly argument: Expression }
  | { readonly type: 'KeywordSpreadExpression'; readonly argument: Expression };

export interface CallExpression {
  readonly type: 'CallExpression';
  readonly callee: Expression;
  readonly args: readonly Argument[];
}

export type Filter = Identifier | CallExpression;

export type Parameter = Identifier | KeywordArgument;

export type Statement =
  | Expression
  | {
      readonly type: 'If';
      readonly test: Expression;
      readonly body: readonly Statement[];
      readonly alternate: readonly Statement[];
    }
  | {
      readonly type: 'For';
      readonly loopvar:
        | Identifier
        | { readonly type: 'TupleLiteral'; readonly value: readonly Expression[] };
      readonly iterable: Expression;
      readonly body: readonly Statement[];
      readonly defaultBlock: readonly Statement[];
    }
  | {
      readonly type: 'Set';
      readonly assignee: Expression;
      readonly value: Expression | null;
      readonly body: readonly Statement[];
    }
  | {
      readonly type: 'Macro';
      readonly name: Identifier;
      readonly args: readonly Parameter[];
      readonly body: readonly Statement[];
    }
  | {
      readonly type: 'CallStatement';
      readonly call: CallExpression;
      readonly callerArgs: readonly Parameter[] | null;
      readonly body: readonly Statement[];
    }
  | {
      readonly type: 'FilterStatement';
      readonly filter: Filter;
      readonly body: readonly Statement[];
    }
  | { readonly type: 'Comment' | 'Break' | 'Continue' };

/** Parses a chat template with the settings that transformers renders with. */
export function parseTemplate(source: string): readonly Statement[] {
  const program: { readonly body: readonly unknown[] } = parse(
    tokenize(source, { lstrip_blocks: true, trim_blocks: true }),
  );
  // The parser builds exactly these nodes; a kind that is not in the union meets the interpreter's default branch.
  return program.body as readonly Statement[];
}
