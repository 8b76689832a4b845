import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../src/main/cli.ts', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'quarterdeck-pipes-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Runs a command of which nobody reads the named stream. */
async function unread(which: 'stdout' | 'stderr', args: readonly string[], input = ''): Promise<{ code: number | null; other: string }> {
  const child = spawn(process.execPath, [entry, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, QUARTERDECK_HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let other = '';
  child[which].destroy();
  child[which === 'stdout' ? 'stderr' : 'stdout'].on('data', (chunk: Buffer) => (other += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, other };
}

it('does its work and tells how it ended when nobody reads the progress', async () => {
  // Exit 2 is the answer; a crash would be 1.
  expect((await unread('stderr', ['env', 'add', '-f', '-'], 'name: x\ntier: prod\n')).code).toBe(2);
});

it('ends quietly when nobody reads the answers', async () => {
  expect(await unread('stdout', ['env', 'list'])).toEqual({ code: 0, other: '' });
});
