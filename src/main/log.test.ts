import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from './log.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qd-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('writes JSON lines that only the owner can read', () => {
  createLog({ folder, redact: (text) => text }).error('call failed', { call: 'app.info' });
  const file = join(folder, 'quarterdeck.log');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ level: 'error', message: 'call failed', call: 'app.info' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('redacts what it is told to, wherever it stands in the line', () => {
  createLog({ folder, redact: (text) => text.replaceAll('hunter2', '‹secret›') }).info('x', { note: 'pw=hunter2' });
  expect(readFileSync(join(folder, 'quarterdeck.log'), 'utf8')).not.toContain('hunter2');
});

test('rotates a full log and keeps three old ones', () => {
  const log = createLog({ folder, redact: (text) => text });
  for (let n = 0; n < 5; n += 1) {
    writeFileSync(join(folder, 'quarterdeck.log'), Buffer.alloc(5 * 1024 * 1024 + 1));
    log.info(`line ${n}`);
  }
  expect(readdirSync(folder).sort()).toEqual(['quarterdeck.log', 'quarterdeck.log.1', 'quarterdeck.log.2', 'quarterdeck.log.3']);
});
