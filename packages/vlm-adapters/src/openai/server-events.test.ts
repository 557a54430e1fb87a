import { describe, expect, it } from 'vitest';
import { serverEvents } from './server-events.js';

async function eventsOf(...pieces: (string | Uint8Array)[]): Promise<string[]> {
  async function* body(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
  }
  const events: string[] = [];
  for await (const data of serverEvents(body())) events.push(data);
  return events;
}

describe('serverEvents', () => {
  it('joins what arrives in pieces', async () => {
    expect(await eventsOf('da', 'ta: {"a"', ': 1}\n', '\nda', 'ta: [DONE]\n\n')).toEqual([
      '{"a": 1}',
      '[DONE]',
    ]);
  });

  it('joins characters that are cut in two', async () => {
    const bytes = Buffer.from('data: ü\n\n');
    expect(await eventsOf(bytes.subarray(0, 7), bytes.subarray(7))).toEqual(['ü']);
  });

  it('reads every kind of line end, also cut in two, comments and lines of data', async () => {
    expect(
      await eventsOf('data: a\r', '\n\r\n', ': ping\n\ndata:b\r\rdata: c\ndata: d\n\n'),
    ).toEqual(['a', 'b', 'c\nd']);
  });

  it('drops an event that is cut', async () => {
    expect(await eventsOf('data: a\n\ndata: b\n')).toEqual(['a']);
  });
});
