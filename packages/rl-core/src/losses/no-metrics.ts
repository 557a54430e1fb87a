/** For losses that report nothing of their own. */
export const withoutMetrics = {
  observe: (): void => {},
  metrics: (): Record<string, number | null> => ({}),
};
