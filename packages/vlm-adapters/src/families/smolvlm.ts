import { z } from 'zod';
import { parseSettings } from '../encode/model-files.js';
import { normalizationTable } from '../images/normalize.js';
import { type ResampleFilterName, resizeImage } from '../images/resample.js';
import { cropImage, type ImageSize, type RgbImage } from '../images/rgb-image.js';
import { channelPlanes } from './channel-planes.js';
import type { FamilyContext, ImageProcessor, ImageText, ModelFamily } from './family.js';
import { commonImageSettings, normalizationOf, resampleFilterOf } from './image-settings.js';

const positive = z.number().int().positive();

const settingsSchema = commonImageSettings.extend({
  size: z.object({ longest_edge: positive }).default({ longest_edge: 4 * 364 }),
  max_image_size: z.object({ longest_edge: positive }).default({ longest_edge: 364 }),
  do_image_splitting: z.boolean().default(true),
});

const configSchema = z.object({
  scale_factor: positive.default(2),
  vision_config: z.object({ image_size: positive.nullish(), patch_size: positive.nullish() }),
});

const standard = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** Longest side of a picture before it is cut, whatever the settings say. */
const longestSide = 4096;

/** The longer side becomes `longest`; the other keeps the proportions and, if odd, grows by one. */
function scaledToLongestSide({ width, height }: ImageSize, longest: number): ImageSize {
  const ratio = width / height;
  const even = (side: number): number => Math.max(side + (side % 2), 1);
  return width >= height
    ? { width: longest, height: even(Math.trunc(longest / ratio)) }
    : { width: even(Math.trunc(longest * ratio)), height: longest };
}

function scaledBelow({ width, height }: ImageSize, longest: number): ImageSize {
  const ratio = width / height;
  if (width >= height && width > longest)
    return { width: longest, height: Math.max(Math.trunc(longest / ratio), 1) };
  if (height > width && height > longest)
    return { width: Math.max(Math.trunc(longest * ratio), 1), height: longest };
  return { width, height };
}

/** Sides that are whole numbers of tiles; the shorter one follows the longer one's growth. */
function wholeTiles({ width, height }: ImageSize, tile: number): ImageSize {
  const ratio = width / height;
  const up = (side: number): number => Math.ceil(side / tile) * tile;
  if (width >= height) {
    const wide = up(width);
    return { width: wide, height: up(Math.trunc(wide / ratio)) };
  }
  const tall = up(height);
  return { width: up(Math.trunc(tall * ratio)), height: tall };
}

/** What becomes of a picture: sizes it is scaled to one after the other, then rows and columns of tiles. */
export interface TilePlan {
  readonly sizes: readonly ImageSize[];
  /** 0 where the picture is one tile. */
  readonly rows: number;
  readonly columns: number;
}

/** As Idefics3's and SmolVLM's processors cut pictures: scaled twice, then cut, with a view of the whole at the end. */
export function planTiles(
  size: ImageSize,
  settings: {
    readonly tile: number;
    /** `null` leaves out the first scaling. */
    readonly longestEdge: number | null;
    readonly isSplit: boolean;
  },
): TilePlan {
  const { tile, longestEdge, isSplit } = settings;
  const first =
    longestEdge === null ? size : scaledBelow(scaledToLongestSide(size, longestEdge), longestSide);
  if (!isSplit) return { sizes: [first, { width: tile, height: tile }], rows: 0, columns: 0 };
  const second = wholeTiles(first, tile);
  const isCut = second.width > tile || second.height > tile;
  return {
    sizes: [first, second],
    rows: isCut ? second.height / tile : 0,
    columns: isCut ? second.width / tile : 0,
  };
}

/** The tiles in reading order, and the whole picture as the last one. */
function cutTiles(
  image: RgbImage,
  { sizes, rows, columns }: TilePlan,
  tile: number,
  filter: ResampleFilterName,
): RgbImage[] {
  let scaled = image;
  for (const size of sizes) scaled = resizeImage(scaled, size, filter);
  if (rows === 0) return [scaled];
  const tiles: RgbImage[] = [];
  const square = { width: tile, height: tile };
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      tiles.push(cropImage(scaled, { left: column * tile, top: row * tile, ...square }));
  return [...tiles, resizeImage(scaled, square, filter)];
}

/** What stands in the prompt: each tile behind its place, the whole picture at the end. */
function tileText(
  { rows, columns }: TilePlan,
  tokens: { readonly around: string; readonly whole: string; readonly placeholders: string },
): ImageText[] {
  const { around, whole, placeholders } = tokens;
  const text: ImageText[] = [];
  const add = (before: string): void => {
    text.push({ text: before, isPlaceholder: false }, { text: placeholders, isPlaceholder: true });
  };
  let lineEnd = '';
  for (let row = 1; row <= rows; row++) {
    for (let column = 1; column <= columns; column++) {
      add(`${lineEnd}${around}<row_${row}_col_${column}>`);
      lineEnd = '';
    }
    lineEnd = '\n';
  }
  add(`${rows === 0 ? '' : '\n\n'}${around}${whole}`);
  return [...text, { text: around, isPlaceholder: false }];
}

function imageProcessor(context: FamilyContext): ImageProcessor {
  const settings = parseSettings(settingsSchema, context.preprocessor, 'preprocessor_config.json');
  const { scale_factor, vision_config } = parseSettings(
    configSchema,
    context.config.raw,
    'config.json',
  );
  const { image_seq_len } = parseSettings(
    z.object({ image_seq_len: positive.nullish() }),
    context.processor,
    'processor_config.json',
  );
  const names = parseSettings(
    z.object({
      fake_image_token: z.string().default('<fake_token_around_image>'),
      global_image_token: z.string().default('<global-img>'),
    }),
    context.tokenizerConfig,
    'tokenizer_config.json',
  );
  const tile = settings.max_image_size.longest_edge;
  const side = (vision_config.image_size ?? tile) / (vision_config.patch_size ?? 14);
  const tokensPerTile = image_seq_len ?? Math.trunc(Math.trunc(side) ** 2 / scale_factor ** 2);
  const cells = Math.sqrt(tokensPerTile);
  const placeholder = context.tokenContent(context.config.imageTokenId) ?? '<image>';
  const tokens = {
    around: names.fake_image_token,
    whole: names.global_image_token,
    placeholders: placeholder.repeat(tokensPerTile),
  };
  const table = normalizationTable(normalizationOf(settings, standard));
  const filter = resampleFilterOf(settings, 'lanczos');
  return {
    marker: placeholder,
    placeholder,
    plan: (size) => {
      const plan = planTiles(size, {
        tile,
        longestEdge: (settings.do_resize ?? true) ? settings.size.longest_edge : null,
        isSplit: settings.do_image_splitting,
      });
      const tiles = plan.rows * plan.columns + 1;
      return {
        text: tileText(plan, tokens),
        tokens: tiles * tokensPerTile,
        grid: plan.rows === 0 && Number.isInteger(cells) ? { rows: cells, columns: cells } : null,
        process: (image) => ({
          pixel_values: {
            type: 'float32',
            dims: [1, tiles, 3, tile, tile],
            data: channelPlanes(cutTiles(image, plan, tile, filter), table),
          },
          pixel_attention_mask: {
            type: 'bool',
            dims: [1, tiles, tile, tile],
            data: new Uint8Array(tiles * tile * tile).fill(1),
          },
        }),
      };
    },
  };
}

export const smolVlm: ModelFamily = {
  name: 'SmolVLM/Idefics3',
  modelTypes: ['smolvlm', 'idefics3'],
  positionPlanes: 1,
  // The published template looks for parts in what may be a string, and writes nothing.
  takesPartsOnly: true,
  isOrdinaryText: () => false,
  deepstack: null,
  modules: {
    textLayers: 'model.text_model.layers.',
    visionLayers: 'model.vision_model.encoder.layers.',
  },
  imageProcessor,
};
