const prefix = 'base_model.model.';

/** PEFT's key of a module's matrix. */
export function matrixName(module: string, matrix: 'A' | 'B'): string {
  return `${prefix}${module}.lora_${matrix}.weight`;
}

/** Module and matrix of a key, `null` if it is no matrix of a linear layer's branch. */
export function parseMatrixName(key: string): { module: string; matrix: 'A' | 'B' } | null {
  // A module's name is made of Python identifiers: nothing that a path could be written with.
  const match = /^base_model\.model\.((?:\w+\.)*\w+)\.lora_([AB])\.weight$/.exec(key);
  const [, module, matrix] = match ?? [];
  if (module === undefined || (matrix !== 'A' && matrix !== 'B')) return null;
  return { module, matrix };
}

/** The modules that have matrices, in the order of their first key. */
export function modulesOf(keys: Iterable<string>): string[] {
  const modules = new Set<string>();
  for (const key of keys) {
    const parsed = parseMatrixName(key);
    if (parsed !== null) modules.add(parsed.module);
  }
  return [...modules];
}
