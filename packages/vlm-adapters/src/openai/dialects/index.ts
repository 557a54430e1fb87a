import type { ServerDialect } from './dialect.js';
import { openai } from './openai.js';
import { sglang } from './sglang.js';
import { vllm } from './vllm.js';

export type ServerName = 'vllm' | 'sglang' | 'openai';

/** Kinds of servers by the name that `server` takes. A new one is a file and a line here. */
export const serverDialects: Readonly<Record<ServerName, ServerDialect>> = {
  vllm,
  sglang,
  openai,
};
