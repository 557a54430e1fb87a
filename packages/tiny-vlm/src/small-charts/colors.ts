import type { Color } from '@iapo/vqa-tools';

/** Colors of tags by their names in requests: all dark enough for a white letter. */
export const tagColors: Readonly<Record<string, Color>> = {
  red: [214, 39, 40],
  orange: [240, 130, 20],
  green: [34, 150, 50],
  teal: [20, 165, 165],
  blue: [30, 90, 200],
  purple: [130, 60, 190],
  pink: [235, 110, 175],
  brown: [120, 75, 40],
};

export const colorNames: readonly string[] = Object.keys(tagColors);
