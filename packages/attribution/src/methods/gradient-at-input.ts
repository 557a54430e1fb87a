import type { MethodContext } from './method.js';
import { requireSpace } from './requirements.js';

/** ∂F/∂x at the input, `[P, H]`, in float64. */
export async function gradientAtInput(context: MethodContext): Promise<Float64Array> {
  const { objective, input } = requireSpace(context);
  let result = new Float64Array();
  await objective.differentiate(
    1,
    (_, point) => point.set(input),
    (_index, _value, gradient) => {
      result = Float64Array.from(gradient);
    },
  );
  return result;
}
