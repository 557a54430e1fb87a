/**
 * Inputs that are numbers and yet move nothing, by domain and operator: no path leads through them, as none
 * leads through a shape or an index.
 */
export const inputsWithoutGradient: Readonly<
  Record<string, Readonly<Record<string, readonly number[]>>>
> = {
  '': {
    // Lends its type.
    CastLike: [1],
    // Inference drops nothing, whatever the ratio.
    Dropout: [1],
    // The limit decides how many numbers there are.
    Range: [1],
  },
};
