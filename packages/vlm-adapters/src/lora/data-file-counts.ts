/**
 * The text of a `config.json` after each graph's external data has become one file.
 *
 * transformers.js reads from `transformers.js_config.use_external_data_format` how many data files a graph has:
 * one value for all graphs, or one by file name or by the name without its data type.
 */
export function withSingleDataFiles(text: string, files: readonly string[]): string {
  const config: unknown = JSON.parse(text);
  const settings = field(config, 'transformers.js_config');
  const formats = field(settings, 'use_external_data_format');
  if (isObject(settings) && typeof formats === 'number' && formats > 1) {
    Object.assign(settings, { use_external_data_format: 1 });
  } else if (isObject(formats)) {
    for (const [name, count] of Object.entries(formats)) {
      const isMerged = files.some((file) => file.startsWith(name.replace(/\.onnx$/, '')));
      if (isMerged && Number(count) > 1) Object.assign(formats, { [name]: 1 });
    }
  } else return text;
  return `${JSON.stringify(config, null, 2)}\n`;
}

function field(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
