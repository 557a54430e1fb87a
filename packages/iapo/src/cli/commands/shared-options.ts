import { type Command, InvalidArgumentError } from 'commander';

export interface ConfigFlags {
  readonly config?: string;
  readonly set?: string[];
}

/** The options of every command that reads a configuration. */
export function withConfig(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration (default: iapo.config.ts, .yaml, .json, …)')
    .option('--set <name=value...>', 'set options, such as --set steps=20 reward.lambda=0.3');
}

/** For `loadConfig`. */
export function configArguments({ config, set }: ConfigFlags): { file?: string; set: string[] } {
  return { set: set ?? [], ...(config === undefined ? {} : { file: config }) };
}

/** Parses a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    }
    return value;
  };
}
