/** Reverse-mode differentiation of float64 matrices, just enough for the reference models of the tests. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
  readonly gradient: Float64Array;
  readonly backward: () => void;
  readonly parents: readonly Matrix[];
}

const nothing = (): void => {};

export function matrix(rows: number, columns: number, data: ArrayLike<number>): Matrix {
  const gradient = new Float64Array(rows * columns);
  return { rows, columns, data: Float64Array.from(data), gradient, backward: nothing, parents: [] };
}

export function fromRows(values: readonly (readonly number[])[]): Matrix {
  return matrix(values.length, values[0]?.length ?? 0, values.flat());
}

function node(
  rows: number,
  columns: number,
  parents: readonly Matrix[],
  fill: (data: Float64Array) => void,
  pull: (gradient: Float64Array, data: Float64Array) => void,
): Matrix {
  const data = new Float64Array(rows * columns);
  const gradient = new Float64Array(rows * columns);
  fill(data);
  return { rows, columns, data, gradient, parents, backward: () => pull(gradient, data) };
}

/** Runs the tape backward from `output`, whose gradient the caller has set. */
export function runBackward(output: Matrix): void {
  const order: Matrix[] = [];
  const seen = new Set<Matrix>();
  const visit = (current: Matrix): void => {
    if (seen.has(current)) return;
    seen.add(current);
    for (const parent of current.parents) visit(parent);
    order.push(current);
  };
  visit(output);
  for (const current of order.reverse()) current.backward();
}

export function multiply(a: Matrix, b: Matrix): Matrix {
  const { rows, columns: inner } = a;
  const { columns } = b;
  return node(
    rows,
    columns,
    [a, b],
    (data) => {
      for (let i = 0; i < rows; i++)
        for (let k = 0; k < inner; k++) {
          const factor = a.data[i * inner + k]!;
          for (let j = 0; j < columns; j++)
            data[i * columns + j]! += factor * b.data[k * columns + j]!;
        }
    },
    (gradient) => {
      for (let i = 0; i < rows; i++)
        for (let k = 0; k < inner; k++) {
          let sum = 0;
          for (let j = 0; j < columns; j++) {
            sum += gradient[i * columns + j]! * b.data[k * columns + j]!;
            b.gradient[k * columns + j]! += gradient[i * columns + j]! * a.data[i * inner + k]!;
          }
          a.gradient[i * inner + k]! += sum;
        }
    },
  );
}

export function transpose(a: Matrix): Matrix {
  const { rows, columns } = a;
  return node(
    columns,
    rows,
    [a],
    (data) => {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) data[j * rows + i] = a.data[i * columns + j]!;
    },
    (gradient) => {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) a.gradient[i * columns + j]! += gradient[j * rows + i]!;
    },
  );
}

export function add(a: Matrix, b: Matrix): Matrix {
  return node(
    a.rows,
    a.columns,
    [a, b],
    (data) =>
      data.forEach((_, at) => {
        data[at] = a.data[at]! + b.data[at % b.data.length]!;
      }),
    (gradient) =>
      gradient.forEach((value, at) => {
        a.gradient[at]! += value;
        b.gradient[at % b.data.length]! += value;
      }),
  );
}

/** Element-wise; `b` may be one row. */
export function times(a: Matrix, b: Matrix): Matrix {
  return node(
    a.rows,
    a.columns,
    [a, b],
    (data) =>
      data.forEach((_, at) => {
        data[at] = a.data[at]! * b.data[at % b.data.length]!;
      }),
    (gradient) =>
      gradient.forEach((value, at) => {
        a.gradient[at]! += value * b.data[at % b.data.length]!;
        b.gradient[at % b.data.length]! += value * a.data[at]!;
      }),
  );
}

/** Applies a function with the given derivative to each element. */
export function map(
  a: Matrix,
  f: (x: number) => number,
  derivative: (x: number) => number,
): Matrix {
  return node(
    a.rows,
    a.columns,
    [a],
    (data) =>
      data.forEach((_, at) => {
        data[at] = f(a.data[at]!);
      }),
    (gradient) =>
      gradient.forEach((value, at) => {
        a.gradient[at]! += value * derivative(a.data[at]!);
      }),
  );
}

/** Passes values unchanged and gradients times `factor` (0: detached). */
export function scaleGradient(a: Matrix, factor: number): Matrix {
  return map(
    a,
    (x) => x,
    () => factor,
  );
}

export function columnsOf(a: Matrix, start: number, end: number): Matrix {
  const width = end - start;
  return node(
    a.rows,
    width,
    [a],
    (data) =>
      data.forEach((_, at) => {
        data[at] = a.data[Math.floor(at / width) * a.columns + start + (at % width)]!;
      }),
    (gradient) =>
      gradient.forEach((value, at) => {
        a.gradient[Math.floor(at / width) * a.columns + start + (at % width)]! += value;
      }),
  );
}

export function joinColumns(parts: readonly Matrix[]): Matrix {
  const rows = parts[0]?.rows ?? 0;
  const columns = parts.reduce((sum, part) => sum + part.columns, 0);
  const each = (visit: (at: number, part: Matrix, partAt: number) => void): void => {
    let start = 0;
    for (const part of parts) {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < part.columns; j++)
          visit(i * columns + start + j, part, i * part.columns + j);
      start += part.columns;
    }
  };
  return node(
    rows,
    columns,
    parts,
    (data) =>
      each((at, part, partAt) => {
        data[at] = part.data[partAt]!;
      }),
    (gradient) =>
      each((at, part, partAt) => {
        part.gradient[partAt]! += gradient[at]!;
      }),
  );
}

export function joinRows(a: Matrix, b: Matrix): Matrix {
  return node(
    a.rows + b.rows,
    a.columns,
    [a, b],
    (data) => {
      data.set(a.data);
      data.set(b.data, a.data.length);
    },
    (gradient) => {
      a.data.forEach((_, at) => {
        a.gradient[at]! += gradient[at]!;
      });
      b.data.forEach((_, at) => {
        b.gradient[at]! += gradient[a.data.length + at]!;
      });
    },
  );
}

export function meanOfRows(a: Matrix): Matrix {
  return node(
    1,
    a.columns,
    [a],
    (data) =>
      a.data.forEach((value, at) => {
        data[at % a.columns]! += value / a.rows;
      }),
    (gradient) =>
      a.data.forEach((_, at) => {
        a.gradient[at]! += gradient[at % a.columns]! / a.rows;
      }),
  );
}

/** Softmax of each row; `causal` hides the columns after the row's index, `hidden` hides columns everywhere. */
export function softmax(a: Matrix, { causal = false, hidden = new Set<number>() } = {}): Matrix {
  const { rows, columns } = a;
  const isHidden = (i: number, j: number): boolean =>
    (causal && j > i) || (hidden.has(j) && i !== j);
  return node(
    rows,
    columns,
    [a],
    (data) => {
      for (let i = 0; i < rows; i++) {
        let highest = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < columns; j++)
          if (!isHidden(i, j)) highest = Math.max(highest, a.data[i * columns + j]!);
        let total = 0;
        for (let j = 0; j < columns; j++) {
          const value = isHidden(i, j) ? 0 : Math.exp(a.data[i * columns + j]! - highest);
          data[i * columns + j] = value;
          total += value;
        }
        for (let j = 0; j < columns; j++) data[i * columns + j]! /= total;
      }
    },
    (gradient, data) => {
      for (let i = 0; i < rows; i++) {
        let dot = 0;
        for (let j = 0; j < columns; j++)
          dot += gradient[i * columns + j]! * data[i * columns + j]!;
        for (let j = 0; j < columns; j++) {
          a.gradient[i * columns + j]! +=
            data[i * columns + j]! * (gradient[i * columns + j]! - dot);
        }
      }
    },
  );
}

export function logSoftmax(a: Matrix): Matrix {
  const { rows, columns } = a;
  return node(
    rows,
    columns,
    [a],
    (data) => {
      for (let i = 0; i < rows; i++) {
        const row = a.data.subarray(i * columns, (i + 1) * columns);
        const highest = row.reduce((x, y) => Math.max(x, y), Number.NEGATIVE_INFINITY);
        const total = row.reduce((sum, value) => sum + Math.exp(value - highest), 0);
        row.forEach((value, j) => {
          data[i * columns + j] = value - highest - Math.log(total);
        });
      }
    },
    (gradient, data) => {
      for (let i = 0; i < rows; i++) {
        let sum = 0;
        for (let j = 0; j < columns; j++) sum += gradient[i * columns + j]!;
        for (let j = 0; j < columns; j++) {
          a.gradient[i * columns + j]! +=
            gradient[i * columns + j]! - Math.exp(data[i * columns + j]!) * sum;
        }
      }
    },
  );
}

/** x / sqrt(mean x² + ε) per row; `detached` treats the divisor as constant. */
export function rmsNorm(a: Matrix, epsilon: number, detached = false): Matrix {
  const { rows, columns } = a;
  const inverse = new Float64Array(rows);
  return node(
    rows,
    columns,
    [a],
    (data) => {
      for (let i = 0; i < rows; i++) {
        let square = 0;
        for (let j = 0; j < columns; j++) square += a.data[i * columns + j]! ** 2;
        inverse[i] = 1 / Math.sqrt(square / columns + epsilon);
        for (let j = 0; j < columns; j++)
          data[i * columns + j] = a.data[i * columns + j]! * inverse[i]!;
      }
    },
    (gradient) => {
      for (let i = 0; i < rows; i++) {
        let dot = 0;
        for (let j = 0; j < columns; j++)
          dot += gradient[i * columns + j]! * a.data[i * columns + j]!;
        const pull = detached ? 0 : (dot * inverse[i]! ** 3) / columns;
        for (let j = 0; j < columns; j++) {
          a.gradient[i * columns + j]! +=
            gradient[i * columns + j]! * inverse[i]! - a.data[i * columns + j]! * pull;
        }
      }
    },
  );
}
