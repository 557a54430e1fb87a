import type { ToolCallDialect } from '@iapo/vqa-tools';

/** Random weights say nothing that reads as a call: here every text is one, on the whole picture. */
export const everythingIsACall = {
  name: 'everything-is-a-call',
  maxCalls: 1,
  read: (text: string) => ({
    calls: [
      {
        name: 'flip',
        arguments: { direction: 'horizontal' },
        spans: {
          call: { start: 0, end: text.length },
          name: { start: 0, end: text.length },
          arguments: [],
        },
      },
    ],
    failure: null,
    repairs: [],
  }),
} satisfies ToolCallDialect;
