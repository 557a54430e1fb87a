import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VlmError } from '../../src/errors.js';
import {
  type AdapterHost,
  fitAdapter,
  initializeAdapter,
  loadAdapter,
  modulesOf,
  parseMatrixName,
  readAdapter,
  saveAdapter,
  writeAdapter,
} from '../../src/lora/index.js';
import { safetensorsBytes } from '../../src/lora/safetensors.js';

const models = fileURLToPath(new URL('../../../../fixtures/models/', import.meta.url));
const peftAdapters = [
  'gemma3/adapter',
  'qwen2_5_vl/adapter',
  'qwen2_5_vl/adapter_qv',
  'qwen2_5_vl/adapter_rslora',
  'qwen2_vl/adapter',
  'qwen3_vl/adapter',
  'smolvlm/adapter',
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'iapo-adapter-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const path = (file: string): string => join(folder, file);
const module = 'model.layers.0.self_attn.q_proj';
const [keyA, keyB] = [
  `base_model.model.${module}.lora_A.weight`,
  `base_model.model.${module}.lora_B.weight`,
];
const config = { peft_type: 'LORA', r: 1, lora_alpha: 2, target_modules: ['q_proj'] };
const matrix = (dims: number[], value = 1) => ({
  dims,
  data: new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(value),
});
const whole = new Map([
  [keyA, matrix([1, 3])],
  [keyB, matrix([2, 1])],
]);

function writeFiles(bytes: Uint8Array, configuration: unknown = config): void {
  writeFileSync(path('adapter_config.json'), JSON.stringify(configuration));
  writeFileSync(path('adapter_model.safetensors'), bytes);
}

/** A safetensors file with any header, true or not. */
function crafted(header: unknown, data = new Uint8Array(20), claimed?: bigint): Buffer {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text), data]);
}

async function refused(message: string | RegExp): Promise<void> {
  const error: unknown = await readAdapter(folder).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(VlmError);
  expect((error as VlmError).code).toBe('adapter');
  expect((error as VlmError).message).toMatch(message);
}

describe('adapters that PEFT wrote', () => {
  it.each(peftAdapters)('reads %s whole', async (name) => {
    const adapter = await readAdapter(join(models, name));
    const file = readFileSync(join(models, name, 'adapter_model.safetensors'));
    const headerBytes = Number(file.readBigUInt64LE(0));
    const header = JSON.parse(file.toString('utf8', 8, 8 + headerBytes)) as Record<
      string,
      { shape: number[]; data_offsets: [number, number] }
    >;
    const names = Object.keys(header).filter((key) => key !== '__metadata__');
    expect([...adapter.matrices.keys()].sort()).toEqual(names.sort());
    for (const key of names) {
      const { shape, data_offsets: offsets } = header[key] as (typeof header)[string];
      expect(adapter.matrices.get(key)?.dims).toEqual(shape);
      const first = file.readFloatLE(8 + headerBytes + offsets[0]);
      expect(adapter.matrices.get(key)?.data[0]).toBe(first);
      const last = file.readFloatLE(8 + headerBytes + offsets[1] - 4);
      expect(adapter.matrices.get(key)?.data.at(-1)).toBe(last);
    }
  });

  it.each(peftAdapters)('writes %s again so that nothing is lost', async (name) => {
    await writeAdapter(await readAdapter(join(models, name)), folder);
    const before = JSON.parse(readFileSync(join(models, name, 'adapter_config.json'), 'utf8'));
    const after = JSON.parse(readFileSync(path('adapter_config.json'), 'utf8'));
    expect(after).toEqual(before);
    // PEFT's tensors are of one type and in the order of their names, as ours: the very same bytes.
    const [ours, theirs] = [
      path('adapter_model.safetensors'),
      join(models, name, 'adapter_model.safetensors'),
    ];
    const data = (file: string): Buffer => {
      const bytes = readFileSync(file);
      return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
    };
    expect(data(ours).equals(data(theirs))).toBe(true);
  });
});

describe('writeAdapter', () => {
  it('gives the same bytes each time, aligned, with the metadata that PEFT reads', async () => {
    const adapter = initializeAdapter([{ module, inFeatures: 3, outFeatures: 2 }], {
      targetModules: ['q_proj'],
      r: 2,
      seed: 7,
    });
    await writeAdapter(adapter, path('one'));
    await writeAdapter(adapter, path('two'));
    for (const file of ['adapter_config.json', 'adapter_model.safetensors']) {
      expect(readFileSync(path(`one/${file}`)).equals(readFileSync(path(`two/${file}`)))).toBe(
        true,
      );
    }
    const bytes = readFileSync(path('one/adapter_model.safetensors'));
    const headerBytes = Number(bytes.readBigUInt64LE(0));
    expect(headerBytes % 8).toBe(0);
    expect(JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)).__metadata__).toEqual({
      format: 'pt',
    });
    expect((await readAdapter(path('one'))).matrices).toEqual(adapter.matrices);
  });

  it('writes no adapter whose matrices do not agree with its configuration', async () => {
    const adapter = initializeAdapter([{ module, inFeatures: 3, outFeatures: 2 }], {
      targetModules: ['q_proj'],
    });
    const broken = { ...adapter, config: { ...adapter.config, r: 3 } };
    await expect(writeAdapter(broken, folder)).rejects.toThrow('must have rank 3');
  });
});

describe('types of numbers', () => {
  // 1, -2 and 0.5 in each type, then the halves that a wrong exponent or sign would show.
  it.each([
    ['F16', Uint16Array.of(0x3c00, 0xc000, 0x3800, 0x0001, 0x7bff)],
    ['BF16', Uint16Array.of(0x3f80, 0xc000, 0x3f00, 0x4049, 0x0080)],
    ['F64', Float64Array.of(1, -2, 0.5, Math.PI, 2 ** -126)],
  ] as const)('widens %s', async (dtype, values) => {
    const expected = {
      F16: [1, -2, 0.5, 2 ** -24, 65504],
      BF16: [1, -2, 0.5, 3.140625, 2 ** -126],
      F64: [1, -2, 0.5, Math.fround(Math.PI), 2 ** -126],
    }[dtype];
    const width = values.BYTES_PER_ELEMENT;
    const header = {
      [keyA]: { dtype, shape: [1, 3], data_offsets: [0, 3 * width] },
      [keyB]: { dtype, shape: [2, 1], data_offsets: [3 * width, 5 * width] },
    };
    writeFiles(crafted(header, new Uint8Array(values.buffer)));
    const { matrices } = await readAdapter(folder);
    expect([...(matrices.get(keyA)?.data ?? []), ...(matrices.get(keyB)?.data ?? [])]).toEqual(
      expected,
    );
  });
});

describe('hostile and broken files', () => {
  const entryA = { dtype: 'F32', shape: [1, 3], data_offsets: [0, 12] };
  const entryB = { dtype: 'F32', shape: [2, 1], data_offsets: [12, 20] };

  it('accepts what the cases below break', async () => {
    writeFiles(crafted({ [keyA]: entryA, [keyB]: entryB }));
    expect(modulesOf((await readAdapter(folder)).matrices.keys())).toEqual([module]);
  });

  it.each([
    [
      'a path in a name',
      { '../../etc/passwd': entryA, [keyB]: entryB },
      'only branches of linear layers',
    ],
    [
      'a path in a module',
      { 'base_model.model.a/../b.lora_A.weight': entryA, [keyB]: entryB },
      'only branches',
    ],
    [
      'a backslash',
      { 'base_model.model.a\\b.lora_A.weight': entryA, [keyB]: entryB },
      'only branches',
    ],
    [
      'another kind of matrix',
      { [`base_model.model.${module}.lora_magnitude_vector`]: entryA, [keyB]: entryB },
      'only branches',
    ],
    [
      'a length that is not that of its shape',
      { [keyA]: { ...entryA, shape: [1, 4] }, [keyB]: entryB },
      'needs 16 bytes and has 12',
    ],
    [
      'a length beyond the file',
      { [keyA]: entryA, [keyB]: { ...entryB, shape: [4, 1], data_offsets: [12, 28] } },
      'there are 20',
    ],
    [
      'overlapping ranges',
      { [keyA]: entryA, [keyB]: { ...entryB, data_offsets: [8, 16] } },
      'overlaps',
    ],
    [
      'the same range twice',
      { [keyA]: { ...entryA, shape: [1, 2], data_offsets: [12, 20] }, [keyB]: entryB },
      /overlaps|belong to no tensor/,
    ],
    [
      'a gap',
      { [keyA]: { ...entryA, shape: [1, 2], data_offsets: [0, 8] }, [keyB]: entryB },
      'bytes 8 to 12 belong to no tensor',
    ],
    ['bytes at the end', { [keyA]: entryA }, 'bytes 12 to 20 belong to no tensor'],
    [
      'offsets in the wrong order',
      { [keyA]: { ...entryA, data_offsets: [12, 0] }, [keyB]: entryB },
      'has bytes 12 to 0',
    ],
    [
      'negative offsets',
      { [keyA]: { ...entryA, data_offsets: [-12, 0] }, [keyB]: entryB },
      'are not two numbers',
    ],
    ['an unknown type', { [keyA]: { ...entryA, dtype: 'F7' }, [keyB]: entryB }, '"F7"'],
    [
      'a type from the prototype',
      { [keyA]: { ...entryA, dtype: 'constructor' }, [keyB]: entryB },
      'none of the format',
    ],
    [
      'integers',
      { [keyA]: { ...entryA, dtype: 'I32' }, [keyB]: entryB },
      'I32, expected one of F32',
    ],
    [
      'a size that is no number',
      { [keyA]: { ...entryA, shape: ['1', 3] }, [keyB]: entryB },
      'not a list of sizes',
    ],
    [
      'sizes whose product overflows',
      { [keyA]: { ...entryA, shape: [2 ** 52, 2 ** 52] }, [keyB]: entryB },
      'needs',
    ],
    ['one dimension', { [keyA]: { ...entryA, shape: [3] }, [keyB]: entryB }, 'expected a matrix'],
    [
      'metadata that are no text',
      { __metadata__: { a: 1 }, [keyA]: entryA, [keyB]: entryB },
      'metadata',
    ],
    ['a header that is a list', [], 'not a JSON object'],
    ['an entry that is no object', { [keyA]: 1, [keyB]: entryB }, 'not an object'],
  ] as const)('refuses %s', async (_, header, message) => {
    writeFiles(crafted(header));
    await refused(message);
  });

  it('refuses a name that stands twice', async () => {
    const [a, b] = [JSON.stringify(entryA), JSON.stringify(entryB)];
    writeFiles(crafted(`{"${keyA}":${a},"${keyB}":${b},"${keyA}":${a}}`));
    await refused('stands twice');
  });

  it('refuses a header of other bytes than UTF-8, and one that is no JSON', async () => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(2n);
    writeFiles(Buffer.concat([length, Uint8Array.of(0xff, 0xfe)]));
    await refused('no UTF-8');
    writeFiles(crafted('{'));
    await refused('not JSON');
  });

  it.each([
    ['larger than the file', 10_000n],
    ['larger than any header', 2n ** 63n],
    ['of all bits', 2n ** 64n - 1n],
  ])('refuses a header that claims to be %s, without reading it', async (_, claimed) => {
    writeFiles(crafted({ [keyA]: entryA }, new Uint8Array(20), claimed));
    await refused('header claims');
  });

  it('refuses empty and truncated files', async () => {
    writeFiles(new Uint8Array());
    await refused('it has 0 bytes');
    const bytes = safetensorsBytes(whole);
    for (const length of [4, 20, bytes.length - 1]) {
      writeFiles(bytes.subarray(0, length));
      await refused(/truncated|there are/);
    }
  });

  it.each([
    ['one matrix without the other', new Map([[keyA, matrix([1, 3])]]), config, 'lacks'],
    [
      'ranks that differ',
      new Map([
        [keyA, matrix([1, 3])],
        [keyB, matrix([2, 2])],
      ]),
      config,
      'must have rank 1',
    ],
    ['another rank than configured', whole, { ...config, r: 4 }, 'must have rank 4'],
    [
      'another rank than the pattern says',
      whole,
      { ...config, rank_pattern: { q_proj: 2 } },
      'must have rank 2',
    ],
    [
      'modules that are no targets',
      whole,
      { ...config, target_modules: ['k_proj'] },
      'matches none',
    ],
    [
      'numbers that are not finite',
      new Map([
        [keyA, matrix([1, 3], Number.NaN)],
        [keyB, matrix([2, 1])],
      ]),
      config,
      'NaN at index 0',
    ],
    ['no matrix at all', new Map(), config, 'holds no matrix'],
    ['DoRA', whole, { ...config, use_dora: true }, 'use_dora'],
    ['biases', whole, { ...config, bias: 'all' }, 'bias'],
    ['saved modules', whole, { ...config, modules_to_save: ['lm_head'] }, 'modules_to_save'],
    [
      'an initialization that changes the base',
      whole,
      { ...config, init_lora_weights: 'pissa' },
      'init_lora_weights',
    ],
    ['another method', whole, { ...config, peft_type: 'IA3' }, 'peft_type'],
    ['no rank', whole, { ...config, r: 0 }, 'r'],
    [
      'a pattern that never ends',
      whole,
      { ...config, target_modules: '(([a-z._]|[a-z_.0])+)+!' },
      'backtrack less',
    ],
  ] as const)(
    'refuses %s',
    async (_, matrices, configuration, message) => {
      writeFiles(safetensorsBytes(matrices), configuration);
      await refused(message);
    },
    30_000,
  );

  it('names the missing file, and says why a pickle is not read', async () => {
    await refused('adapter_config.json');
    writeFileSync(path('adapter_config.json'), JSON.stringify(config));
    await refused('adapter_model.safetensors');
    writeFileSync(path('adapter_model.bin'), 'anything');
    await refused('safe_serialization');
    writeFileSync(path('adapter_config.json'), '{"r": ');
    await refused('not JSON');
  });

  const hasNoPipes = process.platform === 'win32';
  it.skipIf(hasNoPipes)('does not wait at a pipe', refusesPipe); // reason: Windows has no mkfifo
});

async function refusesPipe(): Promise<void> {
  writeFileSync(path('adapter_config.json'), JSON.stringify(config));
  execFileSync('mkfifo', [path('adapter_model.safetensors')]);
  await refused('not a file');
}

describe('fitAdapter', () => {
  const layer = { module, inFeatures: 3, outFeatures: 2 };
  const adapter = initializeAdapter([layer], { targetModules: ['q_proj'], r: 1, alpha: 3 });

  it('accepts the layers that it was made for, and keeps the adapter as it is', () => {
    expect(fitAdapter(adapter, [layer])).toBe(adapter);
  });

  it('refuses a model without the layer or with one of another size', () => {
    expect(() =>
      fitAdapter(adapter, [{ ...layer, module: 'model.layers.1.self_attn.q_proj' }]),
    ).toThrow('no such layer');
    expect(() => fitAdapter(adapter, [{ ...layer, inFeatures: 4 }])).toThrow('expected 4 → 2');
  });

  it('takes names of an older transformers, with ranks and alphas by pattern', () => {
    const name = 'model.language_model.layers.0.self_attn.q_proj';
    const old = initializeAdapter([layer], {
      targetModules: ['q_proj'],
      r: 4,
      alpha: 8,
      rankPattern: { 'model.layers.0.*': 2 },
      alphaPattern: { 'model.layers.0.*': 5 },
    });
    const fitted = fitAdapter(old, [{ ...layer, module: name }]);
    expect(modulesOf(fitted.matrices.keys())).toEqual([name]);
    expect(fitted.config.targetModules).toEqual([name]);
    expect([...fitted.matrices.values()][0]?.dims).toEqual([2, 3]);
    // Ranks and alphas are still found under the new name.
    expect(fitAdapter(fitted, [{ ...layer, module: name }])).toBe(fitted);
    expect(Object.values(fitted.config.alphaPattern)).toEqual([5]);
  });

  it('does not guess between two layers with the same end', () => {
    const layers = ['text', 'vision'].map((tower) => ({
      ...layer,
      module: `model.${tower}.layers.0.self_attn.q_proj`,
    }));
    expect(() => fitAdapter(adapter, layers)).toThrow('no such layer');
  });
});

describe('loadAdapter and saveAdapter', () => {
  it('carry an adapter from model to model, and leave a model alone that it does not fit', async () => {
    const layer = { module, inFeatures: 3, outFeatures: 2 };
    const host = (linearModules: (typeof layer)[]) => {
      const model: { -readonly [K in keyof AdapterHost]: AdapterHost[K] } = {
        adapter: null,
        linearModules,
        setAdapter: (adapter) => {
          model.adapter = adapter;
        },
      };
      return model;
    };
    const [first, second, other] = [
      host([layer]),
      host([layer]),
      host([{ ...layer, outFeatures: 5 }]),
    ];
    await expect(saveAdapter(first, folder)).rejects.toThrow('no adapter to save');
    first.adapter = initializeAdapter([layer], { targetModules: /.*q_proj/, r: 2, seed: 3 });
    await saveAdapter(first, folder);
    await loadAdapter(second, folder);
    expect(second.adapter?.matrices).toEqual(first.adapter.matrices);
    expect(second.adapter?.config.targetModules).toBe('.*q_proj');
    await expect(loadAdapter(other, folder)).rejects.toThrow('another size');
    expect(other.adapter).toBeNull();
  });
});

describe('initializeAdapter', () => {
  const layers = Array.from({ length: 3 }, (_, index) => ({
    module: `layers.${index}.q_proj`,
    inFeatures: 64,
    outFeatures: 32,
  }));
  const dataOf = (seed: number, chosen = layers) => {
    const { matrices } = initializeAdapter(chosen, { targetModules: ['q_proj'], r: 16, seed });
    return matrices;
  };

  it('draws A uniformly within 1/√in and leaves B zero', () => {
    for (const [key, { data }] of dataOf(0)) {
      if (parseMatrixName(key)?.matrix === 'B') {
        expect(data.every((value) => value === 0)).toBe(true);
        continue;
      }
      const bound = 1 / Math.sqrt(64);
      expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(bound);
      // 1024 draws: mean 0 ± bound/√(3·1024), variance bound²/3 within 15 %.
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      const variance = data.reduce((sum, value) => sum + value * value, 0) / data.length;
      expect(Math.abs(mean)).toBeLessThan((4 * bound) / Math.sqrt(3 * 1024));
      expect(variance / (bound ** 2 / 3)).toBeGreaterThan(0.85);
      expect(variance / (bound ** 2 / 3)).toBeLessThan(1.15);
    }
  });

  it('depends on the seed and the module alone', () => {
    expect(dataOf(1)).toEqual(dataOf(1));
    const key = 'base_model.model.layers.2.q_proj.lora_A.weight';
    expect(dataOf(1).get(key)).toEqual(dataOf(1, layers.slice(2)).get(key));
    expect(dataOf(1).get(key)).not.toEqual(dataOf(2).get(key));
    expect(dataOf(1).get(key)).not.toEqual(dataOf(1).get(key.replace('2', '1')));
  });

  it('names the modules of all-linear in full, since Python would take more', () => {
    const { config: made } = initializeAdapter(layers, { targetModules: 'all-linear' });
    expect(made.targetModules).toEqual(layers.map((layer) => layer.module));
  });

  it('makes the folder of an adapter', async () => {
    mkdirSync(path('there'));
    cpSync(join(models, 'qwen2_5_vl/adapter_qv'), path('there'), { recursive: true });
    await writeAdapter(await readAdapter(path('there')), path('deep/er'));
    expect((await readAdapter(path('deep/er'))).config.targetModules).toEqual(['q_proj', 'v_proj']);
  });
});
