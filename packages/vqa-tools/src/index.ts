export type { Box, BoxesInput, BoxList, BoxUnits, LabeledBox } from './boxes/box.js';
export { toBoxList } from './boxes/box.js';
export type { Axis, ImageMetadata } from './boxes/metadata.js';
export { boxesOfAxis, toPixelBoxes } from './boxes/metadata.js';
export { type ToolCallDialectName, toolCallDialects } from './calls/dialects/index.js';
export { type ParseOptions, parseToolCalls } from './calls/parse-tool-calls.js';
export { runToolCall } from './calls/run-tool-call.js';
export type {
  ArgumentSpan,
  BoxesReference,
  CallSpans,
  DialectContext,
  DialectReading,
  ImageReference,
  ParsedToolCalls,
  ParseFailure,
  ParseFailureKind,
  ParseLimits,
  Repair,
  TextSpan,
  ToolCall,
  ToolCallDialect,
} from './calls/types.js';
export type {
  DatasetFormat,
  ExampleFields,
  ExampleImage,
  ParquetColumn,
  ParquetType,
  RowContext,
  VqaExample,
  WritableExample,
} from './data/example.js';
export { type DatasetFormatName, datasetFormats } from './data/formats/index.js';
export { describeParquet, type ParquetDescription } from './data/parquet.js';
export {
  type Dataset,
  type ReadOptions,
  type ReadStatistics,
  readDataset,
} from './data/read-dataset.js';
export { readMetadata, writeMetadata } from './data/read-metadata.js';
export { splitOf } from './data/split.js';
export { type WriteOptions, writeDataset } from './data/write-dataset.js';
export type {
  ContentPart,
  EpisodeMessage,
  EpisodePolicy,
  PolicySession,
  PolicyTurn,
  TurnRequest,
} from './episode/policy.js';
export { scriptedPolicy } from './episode/policy.js';
export { type ReplayDifference, replayEpisode } from './episode/replay-episode.js';
export { type EpisodeOptions, type EpisodeTask, runEpisode } from './episode/run-episode.js';
export {
  hashPixels,
  loadTrajectory,
  type SavedImage,
  type SavedTrajectory,
  saveTrajectory,
} from './episode/save-trajectory.js';
export { showTrajectory } from './episode/show-trajectory.js';
export type {
  CallOutcome,
  EpisodeCounts,
  EpisodeEnd,
  EpisodeTurn,
  ExecutedCall,
  TokenSegment,
  Trajectory,
} from './episode/trajectory.js';
export { VqaToolError, type VqaToolErrorCode } from './errors.js';
export { decodeImage } from './image/decode.js';
export { encodePng } from './image/encode-png.js';
export {
  type Color,
  createRaster,
  pixelAt,
  type Raster,
  rastersEqual,
  toRgb,
  toRgba,
} from './image/raster.js';
export { cropRaster, resizeRaster } from './image/resize.js';
export { chartQuestions, type QuestionOptions } from './questions/chart-questions.js';
export { chartTemplates } from './questions/chart-templates.js';
export { type RenderedQuestion, toWritableExample } from './questions/question.js';
export { tableQuestions } from './questions/table-questions.js';
export { type EmbeddedDataset, loadTables, type SourceTable } from './questions/tables.js';
export type { ChartDatum, ChartKind, ChartSpecification } from './render/chart-spec.js';
export { type ChartStyle, defaultChartStyle, randomChartStyle } from './render/chart-style.js';
export { type RenderedChart, renderChart } from './render/render-chart.js';
export { type RenderedTable, renderTable } from './render/render-table.js';
export type { MarkBox, TextBox } from './render/scene-boxes.js';
export type { Table } from './render/table.js';
export { defaultTableStyle, randomTableStyle, type TableStyle } from './render/table-style.js';
export type { JsonSchema, StandardSchema } from './schema/standard-schema.js';
export {
  type AnswerExtractor,
  type AnswerExtractorName,
  answerExtractors,
} from './scorers/extract/index.js';
export { type ScorerName, scorers } from './scorers/index.js';
export { judgePrompts } from './scorers/judge/index.js';
export type { JudgePrompt } from './scorers/judge/judge-prompt.js';
export { type LlmJudgeOptions, llmJudge } from './scorers/judge/llm-judge.js';
export type { RuleScorer, Score, ScoreInput, Scorer } from './scorers/scorer.js';
export { type ScoreSummary, summarizeScores, tablevqaAccuracy } from './scorers/summarize.js';
export { normalizeTableText } from './scorers/table-normalize.js';
export { defineTool, type ToolSpecification } from './tools/define-tool.js';
export { type VisualToolName, visualTools } from './tools/index.js';
export type { OcrEngine, OcrWord } from './tools/ocr/ocr-engine.js';
export { createTesseractEngine, type TesseractEngine } from './tools/ocr/tesseract-engine.js';
export { type FocusProfileName, focusProfiles } from './tools/profiles.js';
export { type ToolDefinition, toolDefinition, toolDefinitions } from './tools/tool-definition.js';
export type {
  ArgumentCheck,
  ToolContext,
  ToolResult,
  ToolTable,
  VisualTool,
} from './tools/visual-tool.js';
