export { TinyVlmError, type TinyVlmErrorCode } from './errors.js';
export { colorNames } from './small-charts/colors.js';
export { letters } from './small-charts/glyphs.js';
export {
  type ChartContent,
  type ChartItem,
  type ChartPicture,
  drawPicture,
} from './small-charts/picture.js';
export type { ChartQuestion, Reference } from './small-charts/question.js';
export {
  type CallJudgement,
  judgeCall,
  judgeParsedCall,
  scoreAnswer,
  smallChartScorer,
} from './small-charts/score.js';
export {
  type SmallChartSplit,
  SmallCharts,
  type SmallChartsOptions,
} from './small-charts/small-charts.js';
export type { SmallChartTask } from './small-charts/task.js';
export { type ChartToolName, chartToolNames, smallChartTools } from './small-charts/tools.js';
export { type TinyVlmName, tinyVlmPath } from './tiny-vlm-path.js';
