import { access, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { IapoError } from '../../errors.js';
import type { Terminal } from '../terminal.js';

const template = `import { defineConfig } from '@iapo/iapo';

export default defineConfig({
  // Folders of Hugging Face models in transformers.js's ONNX layout.
  student: {
    model: 'models/student',
    lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
  },
  teacher: { model: 'models/teacher' },

  // JSONL or Parquet in any format that \`readDataset\` knows: ReFocus, VTool-R1, ChartQA, …
  data: { files: 'data/train.jsonl', imageFolder: 'data' },
  validationData: { files: 'data/validation.jsonl', imageFolder: 'data' },

  runFolder: 'runs/first',
  steps: 100,
  promptsPerStep: 8,
  samplesPerPrompt: 8,
  learningRate: 1e-5,
  episode: { dialect: 'hermes', maxTurns: 2 },

  // reward = outcome − λ · divergence of student and teacher
  reward: {
    lambda: 0.5,
    divergence: 'kl',
    // A rollout without a call is not better off than those with one.
    missing: { 'no-call': 'group-max' },
    // Where all answers of a group are right or all wrong, the penalty does not decide alone.
    gate: 'mixedGroups',
  },
  explain: { attribution: 'integratedGradients', teacherCache: 'runs/teacher.jsonl' },
});
`;

/** `iapo init`: a configuration to start from. */
export function addInit(program: Command, terminal: Terminal): void {
  program
    .command('init')
    .description('write a configuration to start from')
    .argument('[folder]', 'where', '.')
    .option('--force', 'replace the one that is there')
    .action(async (folder: string, { force = false }: { force?: boolean }) => {
      const path = join(resolve(folder), 'iapo.config.ts');
      const exists = await access(path).then(
        () => true,
        () => false,
      );
      if (exists && !force) {
        throw new IapoError(
          'invalid-option',
          `${path} is there already. Pass --force to replace it.`,
        );
      }
      await writeFile(path, template);
      terminal.out(
        `Wrote ${relative('.', path)}. Name your models and data in it, then run: iapo train\n`,
      );
    });
}
