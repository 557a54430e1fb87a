/*
 * Python's ideas of white space, digits and numbers. Scorers and the call parser compare with
 * programs written in Python, whose rules differ from JavaScript's in exactly these places.
 */

/** What `str.isspace` holds for, as the inside of a character class. */
const SPACE =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const ENDS = new RegExp(`^[${SPACE}]+`);
const ANY_SPACE = new RegExp(`[${SPACE}]+`, 'g');
const ONE_SPACE = new RegExp(`^[${SPACE}]$`);

/** Whether one character is white space to Python. */
export function isSpace(character: string): boolean {
  return ONE_SPACE.test(character);
}

/** `str.strip()`. Written without a trailing-space pattern, which would take quadratic time. */
export function strip(text: string): string {
  return stripEnd(text.replace(ENDS, ''));
}

/** `str.rstrip()`. */
function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1] ?? '')) end--;
  return text.slice(0, end);
}

/** `str.strip(characters)`. */
export function stripCharacters(text: string, characters: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && characters.includes(text[start] ?? '')) start++;
  while (end > start && characters.includes(text[end - 1] ?? '')) end--;
  return text.slice(start, end);
}

/** `re.sub(r"\s+", " ", text)`. */
export function collapseSpace(text: string): string {
  return text.replace(ANY_SPACE, ' ');
}

/** `text.split()`: at runs of white space, without empty parts. */
export function splitSpace(text: string): string[] {
  return text.split(new RegExp(`[${SPACE}]+`)).filter((part) => part !== '');
}

const DECIMAL_DIGIT = /\p{Nd}/gu;

/**
 * Unicode decimal digits (５, ١) as ASCII ones. Every run of ten digits in Unicode starts at a
 * code point that is the first decimal digit of its block, so the value is the distance to it.
 */
function asciiDigits(text: string): string {
  return text.replace(DECIMAL_DIGIT, (digit) => String(digitValue(digit)));
}

function digitValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0;
  // Mathematical digits (five alphabets in one block) are the only ones that are not at a zero.
  if (code >= 0x1d7ce && code <= 0x1d7ff) return (code - 0x1d7ce) % 10;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return code - zero;
}

/** `str.isdigit` of any character: decimal digits and, for instance, superscripts. */
export function hasDigit(text: string): boolean {
  return /[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u1369-\u1371\u19da\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792]/u.test(
    text,
  );
}

/** Lower case of each character on its own, as Python 2 does it (no final sigma). */
export function lowerEach(text: string): string {
  return Array.from(text, (character) => character.toLowerCase()).join('');
}

/** Which Python's number syntax: 2 knows no underscores and allows `+ 5`; 3 the other way round. */
export type PythonVersion = 2 | 3;

const DIGITS_3 = '[0-9](?:_?[0-9])*';
const DIGITS_2 = '[0-9]+';

const numberPatterns = {
  2: numberPattern(DIGITS_2),
  3: numberPattern(DIGITS_3),
} as const;

const integerPatterns = {
  2: new RegExp(`^[+-]?[ \\t-\\r]*${DIGITS_2}$`),
  3: new RegExp(`^[+-]?${DIGITS_3}$`),
} as const;

function numberPattern(digits: string): RegExp {
  return new RegExp(
    `^[+-]?(?:(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:[eE][+-]?${digits})?|inf(?:inity)?|nan)$`,
    'i',
  );
}

/** Turns non-ASCII spaces and digits into ASCII and takes the ends off, as the constructors do. */
function plainNumber(text: string, version: PythonVersion): string {
  // Python 3 leaves the ASCII separators 1c-1f in place, and then refuses them.
  const ends = version === 3 ? /^[ \t-\r\x85-\uffff]*$/ : /^[\s\S]*$/;
  const body = strip(text);
  const at = text.indexOf(body);
  const around = text.slice(0, at) + text.slice(at + body.length);
  if (!ends.test(around)) return '';
  return asciiDigits(body);
}

/** `float(text)`, or null where Python raises ValueError. May be infinite or NaN, as in Python. */
export function parseFloatPython(text: string, version: PythonVersion = 3): number | null {
  const body = plainNumber(text, version);
  if (!numberPatterns[version].test(body)) return null;
  const plain = body.replaceAll('_', '').toLowerCase();
  if (plain.endsWith('nan')) return Number.NaN;
  if (plain.endsWith('inf') || plain.endsWith('infinity')) {
    return plain.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return Number(plain);
}

/** `int(text)`, or null where Python raises ValueError. Exact, whatever the size. */
export function parseIntPython(text: string, version: PythonVersion = 3): bigint | null {
  const body = plainNumber(text, version);
  if (!integerPatterns[version].test(body)) return null;
  const plain = body.replace(/[_ \t-\r]/g, '');
  const magnitude = BigInt(plain.replace(/^[+-]/, ''));
  return plain.startsWith('-') ? -magnitude : magnitude;
}

/** `repr(value)` of a float: the shortest digits, an exponent below 1e-4 and from 1e16 on. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (Object.is(value, -0)) return '-0.0';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
