/** Width of a full bar in characters. */
const width = 24;

const blockNames: Readonly<Record<string, string>> = {
  P: 'context',
  R: 'request',
  I: 'image',
  T: 'tools',
};

/** A share in [0, 1] as a bar of eighths of a character. */
function bar(share: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const rest = eighths % 8;
  const full = '█'.repeat(Math.floor(eighths / 8));
  return (full + (rest === 0 ? '' : String.fromCharCode(0x2590 - rest))).padEnd(width);
}

/**
 * What drove a call, block by block, as lines of text: the student's bar beside the teacher's.
 *
 * @param student, teacher Shares of `blocks`, in the same order.
 */
export function blockBars(
  blocks: readonly string[],
  student: readonly number[],
  teacher: readonly number[],
): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(0).padStart(3)} %`;
  return [
    `${''.padEnd(11)}${'student'.padEnd(width + 7)}teacher`,
    ...blocks.map((name, index) => {
      const [ours, theirs] = [student[index] ?? 0, teacher[index] ?? 0];
      const label = `${name} ${blockNames[name] ?? ''}`.padEnd(11);
      return `${label}${bar(ours)}${percent(ours)}  ${bar(theirs)}${percent(theirs)}`;
    }),
  ];
}
