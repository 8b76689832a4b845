import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, statSync, truncateSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { backupName } from './backups.ts';
import type { Layout } from './layout.ts';
import { authFailureLine, requestLines } from './logs.ts';
import { seededMigration } from './migration-files.ts';
import { applyMigrations } from './migrations.ts';
import { appendEvent, openDatabase } from './store.ts';

const hour = 3_600_000;

/** Hours before now of the seeded backups, oldest first; the fifth is cut off in the middle and must be found by a verify. */
export const seededBackupAges = [96, 72, 48, 24, 12, 2] as const;
const corruptAge = 12;

const kinds = ['inference_request', 'inference_result', 'consent_recorded', 'bias_audit', 'bundle_created', 'training_complete'];
const actors = ['api-gateway', 'recognition-worker', 'auditor', 'fl-coordinator'];
const paths = ['/events', '/dashboard', '/health', '/merkle/root', '/events', '/chain/integrity'];

/** Numbers that look random and are the same every time. */
function sequence(seed: string): (below: number) => number {
  let n = 0;
  return (below) => createHash('sha256').update(`${seed} ${n++}`).digest().readUInt32BE(0) % below;
}

/**
 * Fills a new deployment: `events` chained events over the past five days, and each backup as the database was at its time
 * (so that restoring one really goes back), with its mtime.
 */
export function seedDatabase(layout: Layout, options: { events: number; now: number }): void {
  const { events, now } = options;
  mkdirSync(layout.backupDir, { recursive: true });
  const db = openDatabase(layout.dbPath, true);
  const pick = sequence('events');
  try {
    // Nothing here needs to survive a power cut: a half-seeded folder is thrown away.
    db.pragma('synchronous = OFF');
    applyMigrations(db, layout.migrationsDir, seededMigration);
    const start = now - 120 * hour;
    const step = (120 * hour) / Math.max(1, events);
    const due: number[] = [...seededBackupAges];
    const takeBackup = (age: number) => {
      const at = new Date(now - age * hour);
      const path = join(layout.backupDir, backupName(at, createHash('sha256').update(`backup ${age}`).digest('hex').slice(0, 8)));
      db.prepare('VACUUM INTO ?').run(path);
      if (age === corruptAge) truncateSync(path, Math.floor(statSync(path).size * 0.6));
      utimesSync(path, at, at);
    };
    db.exec('BEGIN');
    for (let i = 0; i < events; i += 1) {
      const at = start + i * step;
      while (due[0] !== undefined && at > now - due[0] * hour) {
        db.exec('COMMIT');
        takeBackup(due[0]);
        due.shift();
        db.exec('BEGIN');
      }
      appendEvent(
        db,
        kinds[pick(kinds.length)] ?? 'inference_request',
        actors[pick(actors.length)] ?? 'auditor',
        { subject: `subject-${pick(400)}`, score: pick(1000) / 1000 },
        new Date(at).toISOString(),
      );
    }
    db.exec('COMMIT');
    for (const age of due) takeBackup(age);
  } finally {
    db.close();
  }
}

/** Writes the log of the past `hours` as the service would have: one request every few seconds, now and then a refused one. */
export function seedLog(layout: Layout, options: { now: number; hours: number }): void {
  const pick = sequence('log');
  const lines: string[] = [];
  for (let at = options.now - options.hours * hour; at < options.now; at += 8000 + pick(8000)) {
    const time = new Date(at);
    const path = paths[pick(paths.length)] ?? '/health';
    const post = path === '/events' && pick(3) === 0;
    const method = post ? 'POST' : 'GET';
    const roll = pick(100);
    const status = roll === 0 ? 401 : roll < 3 ? 404 : post ? 201 : 200;
    const shown = status === 404 ? `/events/missing-${pick(99)}` : path;
    const client = `127.0.0.1:${40_000 + pick(20_000)}`;
    if (status === 401) lines.push(authFailureLine('json', time, method, shown, '127.0.0.1', 'invalid_token'));
    lines.push(
      ...requestLines('json', time, {
        id: pick(0xffffffff).toString(16).padStart(8, '0'),
        method,
        path: shown,
        target: shown,
        client,
        status,
        durationMs: 1 + pick(400) / 10,
      }),
    );
  }
  mkdirSync(dirname(layout.logFile), { recursive: true });
  appendFileSync(layout.logFile, lines.length === 0 ? '' : `${lines.join('\n')}\n`);
}
