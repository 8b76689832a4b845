import type { HealthSnapshot } from '../../../src/contract/health.ts';
import type { LogLine } from '../../../src/contract/logs.ts';
import { backupsOf } from './backups.ts';
import type { Gate } from './gate.ts';
import { historyOf, snapshotOf } from './health.ts';
import { lineOf, passes } from './logs.ts';
import { pause } from './streams.ts';
import type { World } from './world.ts';

/** What is read of a deployment: health, logs, backups. */
export function createReading(gate: Gate, world: World, linesPerSecond: number) {
  return {
    health: {
      snapshot: gate.health.snapshot.handler(({ input }) => snapshotOf(input.environmentId, world.healthOf(input.environmentId))),
      watch: gate.health.watch.handler(async function* ({ input, signal }): AsyncGenerator<HealthSnapshot, undefined, void> {
        while (signal?.aborted !== true) {
          yield snapshotOf(input.environmentId, world.healthOf(input.environmentId));
          await pause(2000, signal);
        }
        return undefined;
      }),
      check: gate.health.check.handler(async ({ input }) => {
        await pause(700, undefined);
        return snapshotOf(input.environmentId, world.healthOf(input.environmentId));
      }),
      history: gate.health.history.handler(({ input }) => historyOf(input.from, input.to, Math.min(input.maxPoints, 400))),
    },
    logs: {
      sources: gate.logs.sources.handler(({ input }) =>
        input.environmentId === 'empty'
          ? []
          : [
              { id: 'app', title: 'Application', kind: 'file' as const, location: '/srv/friendlyface/logs/friendlyface.log' },
              { id: 'journald', title: 'systemd journal', kind: 'journald' as const, location: 'friendlyface.service' },
            ],
      ),
      follow: gate.logs.follow.handler(async function* ({ input, signal }) {
        const first = input.cursor === undefined ? 0 : Number(input.cursor);
        const begin = Date.now() - 2000 * 700;
        let seq = first;
        const take = (count: number): LogLine[] =>
          Array.from({ length: count }, () => lineOf(seq, Math.min(Date.now(), begin + seq++ * 700))).filter((line) =>
            passes(line, input.filter),
          );
        yield { kind: 'state' as const, state: 'loading' as const };
        if (input.cursor === undefined) yield { kind: 'lines' as const, lines: take(input.tail), cursor: String(seq) };
        yield { kind: 'state' as const, state: 'live' as const };
        if (input.cursor === undefined) {
          yield { kind: 'gap' as const, reason: 'the file was rotated away before it could be read to its end' };
          yield { kind: 'dropped' as const, count: 1284 };
        }
        while (signal?.aborted !== true) {
          await pause(200, signal);
          const lines = take(Math.max(1, Math.round(linesPerSecond / 5)));
          if (lines.length > 0) yield { kind: 'lines' as const, lines, cursor: String(seq) };
        }
        return undefined;
      }),
      search: gate.logs.search.handler(({ input }) => {
        const lines = Array.from({ length: 20_000 }, (_, seq) => lineOf(seq, Date.now() - (20_000 - seq) * 5000)).filter((line) =>
          passes(line, input.filter),
        );
        return { lines: lines.slice(-input.limit), complete: lines.length <= input.limit, scannedBytes: 184_549_376 };
      }),
    },
    backups: {
      list: gate.backups.list.handler(({ input }) =>
        backupsOf(input.environmentId === 'eu' ? 10_000 : input.environmentId === 'empty' ? 0 : 12),
      ),
      verify: gate.backups.verify.handler(async ({ input }) => {
        await pause(1200, undefined);
        return { method: input.method, at: Date.now(), by: 'maria@laptop', valid: true, detail: 'integrity_check: ok; 18,204 events' };
      }),
      download: gate.backups.download.handler(async function* ({ signal }) {
        for (let done = 0; done <= 48_234_496 && signal?.aborted !== true; done += 4_823_449) {
          yield { kind: 'progress' as const, bytes: done, totalBytes: 48_234_496 };
          await pause(200, signal);
        }
        yield {
          kind: 'done' as const,
          path: '/home/maria/.local/share/quarterdeck/backups/eu/ff_backup.db',
          bytes: 48_234_496,
          sha256: 'ab'.repeat(32),
          resumedFrom: 0,
        };
        return undefined;
      }),
    },
  };
}
