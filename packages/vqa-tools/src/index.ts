export { toolCallDialects } from './calls/dialects/index.js';
export { parseToolCalls } from './calls/parse-tool-calls.js';
export { VqaToolError } from './errors.js';
export { answerExtractors } from './scorers/extract/index.js';
export { scorers } from './scorers/index.js';
export { defineTool } from './tools/define-tool.js';
export { visualTools } from './tools/index.js';
