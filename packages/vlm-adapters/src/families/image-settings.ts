import { z } from 'zod';
import { VlmError } from '../errors.js';
import type { Normalization } from '../images/normalize.js';
import { type ResampleFilterName, resampleFilterNumbers } from '../images/resample.js';

const perChannel = z.array(z.number()).length(3);

type Setting<Type extends z.ZodType> = z.ZodOptional<z.ZodNullable<Type>>;

/** Keys of `preprocessor_config.json` that all families share; defaults are those of the processors in Python. */
export const commonImageSettings: z.ZodObject<{
  do_resize: Setting<z.ZodBoolean>;
  do_rescale: Setting<z.ZodBoolean>;
  do_normalize: Setting<z.ZodBoolean>;
  rescale_factor: Setting<z.ZodNumber>;
  image_mean: Setting<z.ZodArray<z.ZodNumber>>;
  image_std: Setting<z.ZodArray<z.ZodNumber>>;
  resample: Setting<z.ZodNumber>;
}> = z.object({
  do_resize: z.boolean().nullish(),
  do_rescale: z.boolean().nullish(),
  do_normalize: z.boolean().nullish(),
  rescale_factor: z.number().nullish(),
  image_mean: perChannel.nullish(),
  image_std: perChannel.nullish(),
  resample: z.number().int().nullish(),
});

export type CommonImageSettings = z.infer<typeof commonImageSettings>;

export function normalizationOf(
  settings: CommonImageSettings,
  defaults: { readonly mean: readonly number[]; readonly std: readonly number[] },
): Normalization {
  const isNormalized = settings.do_normalize ?? true;
  return {
    rescaleFactor: (settings.do_rescale ?? true) ? (settings.rescale_factor ?? 1 / 255) : null,
    mean: isNormalized ? (settings.image_mean ?? defaults.mean) : null,
    std: isNormalized ? (settings.image_std ?? defaults.std) : null,
  };
}

export function resampleFilterOf(
  settings: CommonImageSettings,
  otherwise: ResampleFilterName,
): ResampleFilterName {
  const { resample } = settings;
  if (resample === null || resample === undefined) return otherwise;
  const filter = resampleFilterNumbers[resample];
  if (filter === undefined)
    throw new VlmError(
      'model-file',
      `preprocessor_config.json: "resample" ${resample} is not supported; known: ${Object.keys(resampleFilterNumbers).join(', ')}.`,
    );
  return filter;
}

/** Python's `round`: ties go to the even neighbor. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
