import type { EpisodeMessage, ImageMetadata, Raster } from '@iapo/vqa-tools';
import type { ChartContent } from './picture.js';
import type { ChartQuestion } from './question.js';
import type { ChartToolName } from './tools.js';

/** One question about one picture, with all that a prompt is made of and what is right. */
export interface SmallChartTask {
  /** Cites the task: `small-charts/v1/validation/0/17` is task 17 of seed 0. */
  readonly id: string;
  readonly content: ChartContent;
  /** What is asked, in parts. */
  readonly query: ChartQuestion;
  /** Block I. RGB, 64×64 pixels (longer with more items). */
  readonly image: Raster;
  /** The exact boxes. */
  readonly metadata: ImageMetadata;
  /** Block P. */
  readonly systemPrompt: string;
  /** Block T: three tools, at least one of which fits the picture. */
  readonly toolNames: readonly ChartToolName[];
  /** Block R. */
  readonly request: string;
  /** System prompt, picture and request, as `runEpisode` takes them. */
  readonly messages: readonly EpisodeMessage[];
  /** Labels that a right call names, in the order of the request. */
  readonly rightLabels: readonly string[];
  /** The numbers of the right answer, in the order of the request. */
  readonly answer: readonly number[];
  /** The same as text, as {@link smallChartScorer} and training loops read them. */
  readonly answers: readonly string[];
}
