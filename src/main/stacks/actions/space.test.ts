import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { laptopSpace } from './space.ts';

it('adds up what is needed, with a fifth to spare, and names it', async () => {
  const { bavail, bsize } = await statfs(tmpdir());
  const free = bavail * bsize;
  expect(await laptopSpace(tmpdir(), 10)).toMatchObject({
    verdict: 'pass',
    detail: expect.stringContaining('12 B needed (with 20 % to spare)'),
  });
  const several = await laptopSpace(tmpdir(), [
    { what: 'safety copy', bytes: 1000 },
    { what: 'staged', bytes: 500 },
  ]);
  expect(several).toMatchObject({
    verdict: 'pass',
    detail: expect.stringMatching(/needed: safety copy .* \+ staged .*, and 20 % to spare\.$/),
  });
  expect(await laptopSpace(tmpdir(), free)).toMatchObject({ verdict: 'block' });
  const half = { what: 'half', bytes: free * 0.55 };
  expect(await laptopSpace(tmpdir(), [half, half])).toMatchObject({ verdict: 'block' });
  expect(await laptopSpace('/nowhere/at/all', 1)).toMatchObject({ verdict: 'unknown' });
});
