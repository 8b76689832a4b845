import { expect, test } from 'vitest';
import { createRedactor } from './redact.ts';

const secret = 'pä"ss w0rd/+&';

test.each([
  ['as it is', secret],
  ['in JSON', JSON.stringify({ secret })],
  ['in a URL', `?key=${encodeURIComponent(secret)}`],
  ['in base64', Buffer.from(secret).toString('base64')],
  ['in hex', Buffer.from(secret).toString('hex')],
])('a known secret is masked %s', (_how, text) => {
  const { add, redact } = createRedactor();
  expect(redact(text)).toBe(text);
  add(secret);
  const masked = redact(text);
  expect(masked).toContain('‹secret›');
  expect(masked).not.toContain('w0rd');
});

test('a secret within a longer secret leaves nothing of the longer one', () => {
  const { add, redact } = createRedactor();
  add('abcdef');
  add('abcdefghij');
  expect(redact('x abcdefghij y')).toBe('x ‹secret› y');
});

test('very short values are left alone, or every text would be masked', () => {
  const { add, redact } = createRedactor();
  add('ok');
  expect(redact('all ok')).toBe('all ok');
});
