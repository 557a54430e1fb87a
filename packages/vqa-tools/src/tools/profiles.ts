/** The three originals whose pixels the focus tools can make. */
export type FocusProfileName = 'refocus' | 'vtool-v1' | 'vtool-v2';

/** What differs between the originals. Everything else is shared code. */
export interface FocusProfile {
  /** Pixels by which a box is made smaller (positive) or larger (negative) before painting. */
  readonly inset: { readonly mask: number; readonly draw: number; readonly highlight: number };
  /** Whether corners are cut to 0…width and 0…height (inclusive, as the original does). */
  readonly clamp: boolean;
  /** Width of the outline in pixels, drawn inwards. */
  readonly lineWidth: number;
  /** Whether a label without a box is an error, or skipped. */
  readonly unknownLabel: 'error' | 'skip';
  /**
   * Which box a label gets that only partly agrees, in the one tool that compares loosely
   * (`focus_on_y_values_with_draw`): the first, or the last after each hit replaced the label.
   */
  readonly looseMatch: 'first' | 'last';
}

/**
 * The profiles. Sources: ReFocus `src/tools.py` (zeyofu/ReFocus_Code f1a4391e), VTool-R1 v1
 * `verl/tooluse/tools.py` (VTool-R1/VTool-R1 5318fb29), VTool-R1 v2
 * `recipe/vtool/refocus_tools.py` (VTool-R1/training-v2 d2aa2835). ReFocus takes fractions and
 * VTool-R1 pixels; here the metadata say which they are, so the two share their entry otherwise.
 */
export const focusProfiles: Readonly<Record<FocusProfileName, FocusProfile>> = {
  refocus: {
    inset: { mask: 2, draw: 2, highlight: 2 },
    clamp: false,
    lineWidth: 5,
    unknownLabel: 'error',
    looseMatch: 'last',
  },
  'vtool-v1': {
    inset: { mask: 2, draw: 2, highlight: 2 },
    clamp: false,
    lineWidth: 5,
    unknownLabel: 'error',
    looseMatch: 'last',
  },
  'vtool-v2': {
    inset: { mask: -1, draw: -2, highlight: -2 },
    clamp: true,
    lineWidth: 3,
    unknownLabel: 'skip',
    looseMatch: 'first',
  },
};
