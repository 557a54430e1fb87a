import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from '@huggingface/transformers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OnnxVlm } from '../../src/onnx-vlm.js';
import { familyFolder } from '../encode/support.js';

const folder = familyFolder('qwen2_vl');
const name = 'owner/tiny-model';
const before = { remoteHost: env.remoteHost, offline: process.env['HF_HUB_OFFLINE'] };

let server: Server;
let cacheDir: string;
let requests: string[];
/** Cuts a file off after half of it. */
let cut: string | null;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'vlm-cache-'));
  requests = [];
  cut = null;
  server = createServer(async (request, response) => {
    const file = (request.url ?? '').replace(`/${name}/resolve/main/`, '');
    requests.push(file);
    const path = join(folder, file);
    const size = await stat(path).then(
      (found) => found.size,
      () => null,
    );
    if (size === null) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': size });
    if (cut === file) {
      createReadStream(path, { end: Math.floor(size / 2) })
        .on('end', () => response.destroy())
        .pipe(response, { end: false });
    } else createReadStream(path).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  env.remoteHost = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  delete process.env['HF_HUB_OFFLINE'];
});

afterEach(async () => {
  env.remoteHost = before.remoteHost;
  if (before.offline === undefined) delete process.env['HF_HUB_OFFLINE'];
  else process.env['HF_HUB_OFFLINE'] = before.offline;
  await new Promise((resolve) => server.close(resolve));
  await rm(cacheDir, { recursive: true, force: true });
});

const load = (options = {}): Promise<OnnxVlm> =>
  OnnxVlm.load(name, { worker: false, cacheDir, ...options });

describe('a model of the hub', () => {
  it('is fetched into the cache of transformers.js, with progress, and then found there', async () => {
    const progress: string[] = [];
    const model = await load({
      onProgress: ({ file, loaded, total }: { file: string; loaded: number; total: number }) => {
        if (loaded === total) progress.push(file);
      },
    });
    expect(model.id).toBe(name);
    await model.dispose();
    expect(progress).toContain('onnx/decoder_model_merged.onnx');
    expect(await readdir(join(cacheDir, name, 'onnx'))).toEqual(
      expect.arrayContaining([
        'decoder_model_merged.onnx',
        'embed_tokens.onnx',
        'vision_encoder.onnx',
      ]),
    );
    requests.length = 0;
    process.env['HF_HUB_OFFLINE'] = '1';
    await (await load()).dispose();
    expect(requests).toEqual([]);
  });

  it('makes no request offline, and says what is missing', async () => {
    process.env['HF_HUB_OFFLINE'] = '1';
    await expect(load()).rejects.toMatchObject({
      code: 'download',
      message: expect.stringContaining('config.json'),
    });
    expect(requests).toEqual([]);
  });

  it('says which format is not there', async () => {
    await expect(load({ dtype: 'q4' })).rejects.toMatchObject({
      code: 'download',
      message: expect.stringContaining('decoder_model_merged_q4.onnx'),
    });
  });

  it('leaves nothing behind of a file that was cut off', async () => {
    cut = 'tokenizer.json';
    await expect(load()).rejects.toMatchObject({ code: 'download' });
    expect(await readdir(join(cacheDir, name))).toEqual(['config.json']);
    cut = null;
    await (await load()).dispose();
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    const loading = load({ signal: controller.signal, onProgress: () => controller.abort() });
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each(['../outside', 'a/b/c', 'owner/..', '', 'owner/mod el'])(
    '"%s" is no name',
    async (bad) => {
      await expect(
        OnnxVlm.load(bad === '' ? './no-such-folder' : bad, { cacheDir }),
      ).rejects.toMatchObject({
        code: 'model-file',
      });
      expect(requests).toEqual([]);
    },
  );
});
