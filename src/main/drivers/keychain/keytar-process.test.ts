import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { createKeytarProcess } from './keytar-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-keytar-'));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

it('a library that writes to the helper’s stdout (G_MESSAGES_DEBUG) does not end this process', async () => {
  const noise = join(dir, 'noise.cjs');
  writeFileSync(noise, `process.stdout.write('(process:1): GLib-DEBUG: hello\\n"text"\\nnull\\n');`);
  vi.stubEnv('NODE_OPTIONS', `--require=${noise}`);
  vi.stubEnv('DBUS_SESSION_BUS_ADDRESS', 'unix:path=/nonexistent');
  const keytar = createKeytarProcess();
  // Here there is no keyring to answer; that it says so is enough.
  await expect(keytar.getPassword('Quarterdeck test', 'none')).rejects.toThrow(/./);
  keytar.close?.();
});
