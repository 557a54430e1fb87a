import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DecoderShape } from '@iapo/onnx-autograd/generator';

/** What both sides work on. */
export interface PeerSetup {
  readonly shape: DecoderShape;
  readonly ropeTheta: number;
  /** safetensors file of the decoder's weights. */
  readonly weights: string;
  /** Raw float32 of the embedding table, `[vocabulary, hidden]`. */
  readonly table: string;
  /** Prompt and completion of each sequence; all of one length. */
  readonly ids: readonly (readonly number[])[];
  /** Tokens at the end of each sequence that are scored. */
  readonly scored: number;
}

export interface PeerTask {
  readonly task: 'logprobs' | 'backward';
  readonly attention: 'sdpa' | 'eager';
  /** Sequences that go through the model at once. */
  readonly batch: number;
}

export interface PeerAnswer {
  readonly ms: number;
  /** Sum of all log-probabilities. */
  readonly sum: number;
  /** Euclidean norm of all gradients together; 0 where none were asked for. */
  readonly norm: number;
  /** Most memory that the process has held so far, in MiB. */
  readonly peak: number;
}

/** PyTorch and PEFT in a process of their own, asked one task at a time, so that runs can alternate. */
export class TorchPeer {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  /** @param python Interpreter that has torch, transformers, peft and safetensors. */
  constructor(python: string, setup: PeerSetup) {
    const script = fileURLToPath(new URL('../peers/vlm-adapters/scoring.py', import.meta.url));
    this.#child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
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
    if (done === true) throw new Error('the Python peer ended; its message stands above');
    return JSON.parse(value);
  }
}
