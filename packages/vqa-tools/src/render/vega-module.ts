import { createCanvas } from '@napi-rs/canvas';
import type { parse, View } from 'vega';
import type { compile } from 'vega-lite';

/** The parts of vega and vega-lite that are used. */
export interface VegaModule {
  readonly View: typeof View;
  readonly parse: typeof parse;
  readonly compile: typeof compile;
}

let loading: Promise<VegaModule> | null = null;

/**
 * Loads vega once and has it measure text with the canvas. Without that it estimates widths from
 * the number of characters, and label boxes come out up to 60 % too long. The measure is a setting
 * of the whole vega module.
 */
export async function loadVega(): Promise<VegaModule> {
  loading ??= (async () => {
    const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]);
    const context = createCanvas(1, 1).getContext('2d');
    // Typed by hand: vega exports `textMetrics` without declaring it.
    const { textMetrics } = vega as unknown as {
      textMetrics: {
        width: (item: TextItem, text: unknown) => number;
        height: (item: TextItem) => number;
      };
    };
    textMetrics.width = (item, text) => {
      context.font = `${item.fontWeight ?? ''} ${textMetrics.height(item)}px ${item.font}`.trim();
      return context.measureText(String(text ?? '')).width;
    };
    return { View: vega.View, parse: vega.parse, compile: vegaLite.compile };
  })();
  return await loading;
}

interface TextItem {
  readonly font?: string;
  readonly fontWeight?: string | number;
}
