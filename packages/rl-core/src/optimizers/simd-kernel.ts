/**
 * Assembles one WebAssembly function that walks blocks of single-precision numbers four at a time. JavaScript
 * engines do not vectorize loops; this keeps an AdamW step at the speed of memory without a native dependency.
 * Every instruction of the body is a named one below (WebAssembly specification 2.0, §5).
 */

/** A function body as bytes. */
export type Code = readonly number[];

// Large arrays begin on a page. A block that did too would share the low 12 bits of its addresses with them, and
// processors then mistake copies for overlapping ones (4 KiB aliasing): measured 5 times slower.
const FIRST_BYTE = 1088;

const VECTOR_PREFIX = 0xfd;
const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;

/** An unsigned integer in LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

const vector = (opcode: number): Code => [VECTOR_PREFIX, ...unsigned(opcode)];
const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number): Code => [0x21, ...unsigned(local)];
const sized = (bytes: Code): Code => [...unsigned(bytes.length), ...bytes];
const section = (id: number, bytes: Code): Code => [id, ...sized(bytes)];
const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const text = (value: string): Code => sized([...value].map((letter) => letter.charCodeAt(0)));

const add = vector(0xe4);
const subtract = vector(0xe5);
const multiply = vector(0xe6);
const divide = vector(0xe7);
const squareRoot = vector(0xe3);
const splat = vector(0x13);

/** An expression of the kernel: leaves one vector on the stack. */
export interface Expression {
  readonly code: Code;
}

const binary =
  (operation: Code) =>
  (a: Expression, b: Expression): Expression => ({ code: [...a.code, ...b.code, ...operation] });

/** Operations on four numbers at once. */
export interface LaneOperations {
  readonly add: (a: Expression, b: Expression) => Expression;
  readonly subtract: (a: Expression, b: Expression) => Expression;
  readonly multiply: (a: Expression, b: Expression) => Expression;
  readonly divide: (a: Expression, b: Expression) => Expression;
  readonly squareRoot: (a: Expression) => Expression;
}

export const lane: LaneOperations = {
  add: binary(add),
  subtract: binary(subtract),
  multiply: binary(multiply),
  divide: binary(divide),
  squareRoot: (a) => ({ code: [...a.code, ...squareRoot] }),
};

/** What the body of a kernel is built from. */
export interface KernelBuilder {
  /** Scalar argument `i`, in all lanes. */
  readonly scalar: (i: number) => Expression;
  /** The four numbers of array `i` at the current place. */
  readonly read: (i: number) => Expression;
  /** Evaluates once and names the result. */
  readonly keep: (expression: Expression) => Expression;
  /** Stores into array `i` at the current place. */
  readonly write: (i: number, expression: Expression) => void;
}

export interface KernelShape {
  /** Arrays that a call works on. */
  readonly arrays: number;
  /** Scalar arguments. */
  readonly scalars: number;
  /** Numbers an array holds at most in one call; a multiple of 4, so that a block needs no tail. */
  readonly blockLength: number;
}

/**
 * A kernel over blocks: `arrays` are views into its memory, `run` works on the first `count` numbers of each.
 */
export interface Kernel {
  readonly arrays: readonly Float32Array[];
  readonly run: (count: number, scalars: readonly number[]) => void;
}

/** Assembles and instantiates a kernel. */
export function assembleKernel(
  shape: KernelShape,
  build: (builder: KernelBuilder) => void,
): Kernel {
  const { arrays, scalars, blockLength } = shape;
  // Locals: byte count, scalars, byte offset, then the vectors: one a scalar, and one a kept value.
  const byteCount = 0;
  const offset = 1 + scalars;
  const firstSplat = offset + 1;
  let vectors = scalars;
  const body: number[] = [];
  const byteOffset = (array: number): number => FIRST_BYTE + array * blockLength * 4;
  const memoryArgument = (array: number): Code => [4, ...unsigned(byteOffset(array))];
  build({
    scalar: (i) => ({ code: get(firstSplat + i) }),
    read: (i) => ({ code: [...get(offset), ...vector(0x00), ...memoryArgument(i)] }),
    keep: (expression) => {
      const local = firstSplat + vectors;
      vectors += 1;
      body.push(...expression.code, ...set(local));
      return { code: get(local) };
    },
    write: (i, expression) => {
      body.push(...get(offset), ...expression.code, ...vector(0x0b), ...memoryArgument(i));
    },
  });
  const splats = Array.from({ length: scalars }, (_, i) => [
    ...get(1 + i),
    ...splat,
    ...set(firstSplat + i),
  ]).flat();
  const loop: Code = [
    ...[0x03, 0x40], // loop
    ...body,
    ...[...get(offset), 0x41, 16, 0x6a, 0x22, ...unsigned(offset)], // offset += 16
    ...[...get(byteCount), 0x49], // offset < byte count, unsigned
    ...[0x0d, 0, 0x0b], // repeat; end
  ];
  const locals = list([
    [1, I32],
    [...unsigned(vectors), V128],
  ]);
  const parameters = [I32, ...Array.from({ length: scalars }, () => F32)];
  const pages = Math.ceil(byteOffset(arrays) / 65_536);
  const module = new WebAssembly.Module(
    Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
      ...section(1, list([[0x60, ...list(parameters.map((type) => [type])), 0]])), // types
      ...section(3, list([[0]])), // functions
      ...section(5, list([[0, ...unsigned(pages)]])), // memory
      ...section(
        7,
        list([
          [...text('memory'), 2, 0],
          [...text('run'), 0, 0],
        ]),
      ), // exports
      ...section(10, list([sized([...locals, ...splats, ...loop, 0x0b])])), // code
    ]),
  );
  const { memory, run } = new WebAssembly.Instance(module).exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof run !== 'function') {
    throw new Error('internal: the kernel does not export what it should.');
  }
  return {
    arrays: Array.from(
      { length: arrays },
      (_, i) => new Float32Array(memory.buffer, byteOffset(i), blockLength),
    ),
    run: (count, values) => {
      run(Math.ceil(count / 4) * 16, ...values);
    },
  };
}
