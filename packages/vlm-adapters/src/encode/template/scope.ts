import type { Value } from './values.js';

interface Variable {
  readonly value: Value;
  /** Whether the value would be another if there were no tools. */
  readonly dependsOnTools: boolean;
}

/** Names and their values, looked up from the inside to the outside. */
export class Scope {
  readonly #variables: Map<string, Variable> = new Map();
  readonly #parent: Scope | null;

  constructor(parent: Scope | null = null) {
    this.#parent = parent;
  }

  set(name: string, value: Value, dependsOnTools = false): void {
    this.#variables.set(name, { value, dependsOnTools });
  }

  find(name: string): Variable | undefined {
    return this.#variables.get(name) ?? this.#parent?.find(name);
  }
}
