import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The host's own log. Fields are facts, never inputs or outputs of calls: those may carry secrets. */
export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

const MAX_BYTES = 5 * 1024 * 1024;
const KEPT = 3;

/**
 * JSON lines in `<folder>/quarterdeck.log`, mode 0600, rotated at 5 MB, three old ones kept. `redact` goes over every line as
 * the last line of defence. A log that can't be written never stops the work: it is said once on stderr.
 */
export function createLog({ folder, redact }: { folder: string; redact: (text: string) => string }): Log {
  const file = join(folder, 'quarterdeck.log');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let complained = false;

  const write = (level: string, message: string, fields: Record<string, unknown> = {}): void => {
    const line = `${redact(JSON.stringify({ at: new Date().toISOString(), level, pid: process.pid, message, ...fields }))}\n`;
    try {
      rotate(file);
      appendFileSync(file, line, { mode: 0o600 });
    } catch (error) {
      if (complained) return;
      complained = true;
      process.stderr.write(`quarterdeck: the log ${file} can't be written: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  };
  return {
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  };
}

function rotate(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.size < MAX_BYTES) return;
  for (let n = KEPT - 1; n >= 1; n -= 1) {
    if (statSync(`${file}.${n}`, { throwIfNoEntry: false }) !== undefined) renameSync(`${file}.${n}`, `${file}.${n + 1}`);
  }
  renameSync(file, `${file}.1`);
}
