import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const entry = fileURLToPath(new URL('../../out/main/serve.js', import.meta.url));
let home: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  if (!existsSync(entry)) throw new Error('out/main/serve.js is not there: run "npm run build"');
  home = await mkdtemp(join(tmpdir(), 'quarterdeck-serve-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await rm(home, { recursive: true });
});

interface Served {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exit: Promise<number | null>;
}

function start(env: Record<string, string> = {}): Served {
  const mine = spawn(process.execPath, [entry], {
    env: { ...process.env, QUARTERDECK_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = mine;
  let out = '';
  let err = '';
  mine.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  mine.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return { stdout: () => out, stderr: () => err, exit: once(mine, 'exit').then(([code]) => code as number | null) };
}

const READY = /^Quarterdeck is ready: (http:\/\/127\.0\.0\.1:(\d+)\/#[\w-]{43})\n$/;

/** The built headless host, as a user starts it. */
describe('the headless host', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('prints one line when it serves, and ends in order on %s', async (signal) => {
    const served = start();
    await expect.poll(served.stdout, { timeout: 20_000 }).toMatch(READY);
    const [, url = ''] = READY.exec(served.stdout()) ?? [];
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<div id="root">');
    child?.kill(signal);
    expect(await served.exit).toBe(0);
    expect([served.stdout(), served.stderr()]).toEqual([expect.stringMatching(READY), '']);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('takes the port it is told, and says when it can not', async () => {
    const first = start();
    await expect.poll(first.stdout, { timeout: 20_000 }).toMatch(READY);
    const [, , port = ''] = READY.exec(first.stdout()) ?? [];
    const one = child;
    const second = start({ QUARTERDECK_PORT: port });
    expect(await second.exit).toBe(1);
    expect(second.stderr()).toBe(`quarterdeck: Port ${port} of 127.0.0.1 is in use already.\n`);
    one?.kill('SIGTERM');
    expect(await first.exit).toBe(0);
    const third = start({ QUARTERDECK_PORT: port });
    await expect.poll(third.stdout, { timeout: 20_000 }).toMatch(READY);
    expect(READY.exec(third.stdout())?.[2]).toBe(port);
  });

  test('refuses a port that is none', async () => {
    const served = start({ QUARTERDECK_PORT: '80a' });
    expect(await served.exit).toBe(1);
    expect([served.stdout(), served.stderr()]).toEqual(['', 'quarterdeck: QUARTERDECK_PORT must be a number from 1 to 65535.\n']);
  });
});
