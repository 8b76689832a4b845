import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { swapBackScript, swapLookScript, swapScript } from '../../src/main/stacks/actions/sqlite/swap-script.ts';
import { scratch } from '../support/ssh-lab.ts';

const room = scratch();
afterAll(() => room.close());

/** Everything that changes something: one call of one of these is one place at which the machine can die. */
const commands = ['ln', 'mv', 'rm', 'mkdir', 'sync'];

/** A folder of programs that count their calls, and kill the script (before or after doing it) at the chosen one. */
function shims(): string {
  const folder = room.path('shims');
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  for (const name of commands) {
    const real = execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    writeFileSync(
      join(folder, name),
      `#!/bin/sh
n=$(cat "$AT/count" 2>/dev/null || echo 0)
n=$((n + 1))
echo $n >"$AT/count"
if [ "$n" = "$KILL_AT" ]; then
  if [ -n "$INTRUDER" ]; then
    eval "$INTRUDER"
    exec ${real} "$@"
  fi
  [ "$KILL" = before ] || ${real} "$@"
  kill -9 $PPID
  exit 0
fi
exec ${real} "$@"
`,
    );
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

interface Case {
  readonly db: string;
  run(
    script: string,
    kill?: { at: number; when: 'before' | 'after'; intruder?: string },
  ): { code: number | null; calls: number; out: string };
  files(): Record<string, string>;
  state(): Record<string, string>;
}

let next = 0;
const old = { 'shop.db': 'old database', 'shop.db-wal': 'old log', 'shop.db-shm': 'old index' };

/** A live file with its log and index, and a staged one. Texts are enough: the swap never opens them. */
function make(): Case {
  next += 1;
  const dir = room.path(`case-${next}`);
  mkdirSync(join(dir, 'data'), { recursive: true });
  for (const [name, text] of Object.entries(old)) writeFileSync(join(dir, 'data', name), text);
  writeFileSync(join(dir, 'data', '.staged'), 'new database');
  const db = join(dir, 'data', 'shop.db');
  const sha = createHash('sha256').update('new database').digest('hex');
  const run: Case['run'] = (script, kill) => {
    rmSync(join(dir, 'count'), { force: true });
    const ended = spawnSync('/bin/sh', ['-s', '--', db, join(dir, 'data', '.staged'), `${db}.before-1`, sha, ''], {
      input: script,
      encoding: 'utf8',
      env: {
        PATH: `${shims()}:${process.env['PATH'] ?? ''}`,
        AT: dir,
        DB: db,
        KILL_AT: String(kill?.at ?? 0),
        KILL: kill?.when ?? 'before',
        INTRUDER: kill?.intruder ?? '',
      },
    });
    return {
      code: ended.status,
      calls: Number(existsSync(join(dir, 'count')) ? readFileSync(join(dir, 'count'), 'utf8') : 0),
      out: ended.stdout,
    };
  };
  return {
    db,
    run,
    files: () =>
      Object.fromEntries(
        readdirSync(join(dir, 'data'), { withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map(({ name }) => [name, readFileSync(join(dir, 'data', name), 'utf8')]),
      ),
    state: () =>
      Object.fromEntries(
        run(swapLookScript)
          .out.split('\n')
          .filter((line) => line.includes('='))
          .map((line) => line.split('=') as [string, string]),
      ),
  };
}

const calls = { swap: make().run(swapScript).calls, back: 0 };
const swapped = make();
swapped.run(swapScript);
calls.back = swapped.run(swapBackScript).calls;
// After one change is before the next.
const deaths = (count: number) => [
  ...Array.from({ length: count }, (_, i) => ({ at: i + 1, when: 'before' as const })),
  { at: count, when: 'after' as const },
];

describe('the swap of the files', () => {
  it('is whole when nothing goes wrong, and so is its way back', () => {
    const one = make();
    expect(one.run(swapScript).code).toBe(0);
    expect(one.files()).toEqual({ 'shop.db': 'new database' });
    expect(readFileSync(`${one.db}.before-1/shop.db-wal`, 'utf8')).toBe('old log');
    expect(one.state()).toMatchObject({ state: 'new', staged: 'no', busy: 'no' });
    expect(one.run(swapScript).code).toBe(0);
    expect(one.files()).toEqual({ 'shop.db': 'new database' });
    writeFileSync(`${one.db}-wal`, 'written since');
    expect(one.run(swapBackScript).out).toContain('/restored');
    expect(one.files()).toEqual(old);
    expect(readFileSync(`${one.db}.before-1/restored/shop.db-wal`, 'utf8')).toBe('written since');
    expect(one.state()).toMatchObject({ undone: 'yes' });
    expect(one.run(swapBackScript).code).toBe(0);
    expect(one.files()).toEqual(old);
  });

  it.each(deaths(calls.swap))('killed $when change $at: it is completed by running it again', (kill) => {
    const one = make();
    one.run(swapScript, kill);
    expect(one.run(swapScript).code).toBe(0);
    expect(one.files()).toEqual({ 'shop.db': 'new database' });
    expect(Object.fromEntries(Object.keys(old).map((name) => [name, readFileSync(`${one.db}.before-1/${name}`, 'utf8')]))).toEqual(old);
    expect(one.state()).toMatchObject({ state: 'new', staged: 'no' });
    expect(one.run(swapBackScript).code).toBe(0);
    expect(one.files()).toEqual(old);
  });

  it.each(deaths(calls.swap))('killed $when change $at: the way back brings all three back', (kill) => {
    const one = make();
    one.run(swapScript, kill);
    expect(one.run(swapBackScript).code).toBe(0);
    const { '.staged': _, ...files } = one.files();
    expect(files).toEqual(old);
  });

  it.each(deaths(calls.back))('killed $when change $at of the way back: it is completed by running it again', (kill) => {
    const one = make();
    one.run(swapScript);
    writeFileSync(`${one.db}-wal`, 'written since');
    one.run(swapBackScript, kill);
    expect(one.run(swapBackScript).code).toBe(0);
    const { '.staged': _, ...files } = one.files();
    expect(files).toEqual(old);
    expect(one.state()).toMatchObject({ undone: 'yes' });
  });

  it.each(deaths(calls.swap))(
    'somebody makes a database $when change $at: the old one is never lost, and nothing is taken for good',
    (kill) => {
      const one = make();
      // What a service does that finds no database: it makes one, and removes a log that belongs to none.
      const intruder = '[ -e "$DB" ] || { printf intruder >"$DB"; rm -f "$DB-wal" "$DB-shm"; }';
      const { code } = one.run(swapScript, { ...kill, intruder });
      const files = one.files();
      if (code === 0) expect(files).toEqual({ 'shop.db': 'new database' });
      else {
        expect(code).toBe(44);
        const { '.staged': staged, ...rest } = files;
        expect(rest).toEqual(old);
        expect(staged).toBe('new database');
        expect(one.state()).toMatchObject({ state: 'none' });
      }
    },
  );

  it('moves nothing while somebody has the file open, and says who', () => {
    const one = make();
    const before = one.files();
    const ended = spawnSync('/bin/sh', ['-c', 'exec 7<"$1"; shift; exec "$@"', 'sh', one.db, '/bin/sh', '-s', '--', ...argsOf(one)], {
      input: swapScript,
      encoding: 'utf8',
      env: process.env,
    });
    expect(ended.status).toBe(41);
    expect(ended.stdout).toMatch(/^holder \d+ /m);
    expect(one.files()).toEqual(before);
    expect(one.state()).toMatchObject({ state: 'none' });
  });
});

const argsOf = (one: Case): string[] => [
  one.db,
  join(one.db, '..', '.staged'),
  `${one.db}.before-1`,
  createHash('sha256').update('new database').digest('hex'),
  '',
];
