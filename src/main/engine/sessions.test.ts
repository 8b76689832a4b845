import { expect, it } from 'vitest';
import { otherSessions } from './sessions.ts';

it('counts others once, and not itself', () => {
  const text = [
    'self 90',
    'self 80',
    'ssh 80 ann@notty',
    'ssh 70 ben@pts/1',
    'ssh 60 o@d@notty',
    'login ben pts/1',
    'login root tty1',
    'seen',
    '',
  ].join('\n');
  expect(otherSessions(text)).toEqual({
    others: [
      { account: 'ben', tty: 'pts/1' },
      { account: 'o@d', tty: 'notty' },
      { account: 'root', tty: 'tty1' },
    ],
    seen: true,
  });
  expect(otherSessions('')).toEqual({ others: [], seen: false });
});
