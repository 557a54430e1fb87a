import { constant } from './constant.js';
import { cosine } from './cosine.js';
import { linear } from './linear.js';
import type { Schedule } from './types.js';
import { wsd } from './wsd.js';

export type { Schedule, ScheduleOptions } from './types.js';

export type ScheduleName = 'constant' | 'linear' | 'cosine' | 'wsd';

/** Every learning-rate schedule, by name; each takes a warm-up. A new one is one file and one line here. */
export const schedules: Readonly<Record<ScheduleName, Schedule>> = {
  constant,
  linear,
  cosine,
  wsd,
};
