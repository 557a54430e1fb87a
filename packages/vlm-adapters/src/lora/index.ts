export { parseAdapterConfig } from './adapter-config.js';
export { readAdapter, writeAdapter } from './adapter-files.js';
export { type AdapterHost, fitAdapter, loadAdapter, saveAdapter } from './adapter-host.js';
export { initializeAdapter } from './initialize-adapter.js';
export { matchTargets } from './match-targets.js';
export { matrixName, modulesOf, parseMatrixName } from './matrix-names.js';
export type {
  Adapter,
  AdapterConfig,
  LinearModule,
  LoraMatrix,
  LoraOptions,
  LoraTarget,
} from './types.js';
export { writeMergedFolder } from './write-merged-folder.js';
