import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DecoderShape } from '@iapo/onnx-autograd/generator';

export interface PeerSetup {
  readonly shape: DecoderShape;
  readonly tokens: number;
  /** safetensors file that `writeDecoderWeights` wrote. */
  readonly weights: string;
}

export interface PeerTask {
  readonly task: 'embeddings' | 'lora';
  readonly attention: 'sdpa' | 'eager';
  /** Tokens at the end of the sequence whose log-probabilities are added up. */
  readonly scored: number;
}

export interface PeerAnswer {
  /** Time of forward and backward, in milliseconds. */
  readonly ms: number;
  /** Sum of the log-probabilities. */
  readonly sum: number;
  /** Euclidean norm of all wanted gradients together. */
  readonly norm: number;
}

/** PyTorch in a process of its own, asked one task at a time, so that runs can alternate. */
export class TorchPeer {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  /** @param python Interpreter that has torch, transformers, peft and safetensors. */
  constructor(python: string, setup: PeerSetup) {
    const script = fileURLToPath(new URL('../peers/onnx-autograd/decoder.py', import.meta.url));
    this.#child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#write(setup);
  }

  /** Versions of what runs there; answered once it is ready. */
  versions(): Promise<Record<string, string>> {
    return this.#next() as Promise<Record<string, string>>;
  }

  ask(task: PeerTask): Promise<PeerAnswer> {
    this.#write(task);
    return this.#next() as Promise<PeerAnswer>;
  }

  stop(): void {
    this.#child.kill();
  }

  #write(message: unknown): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  async #next(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the Python peer ended; run it by hand to see why');
    return JSON.parse(value);
  }
}
