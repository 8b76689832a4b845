import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import { connectTo, scratch, skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

describe.skipIf(skipSsh())('detached jobs', () => {
  const room = scratch();
  let sshd: Sshd;
  let session: SshSession;
  const jobFile = (key: string, name: string) => join(sshd.stateHome, 'quarterdeck', 'jobs', key, name);
  beforeAll(async () => {
    sshd = await startSshd();
    session = await connectTo(sshd);
  });
  afterAll(async () => {
    await session?.close();
    await sshd?.stop();
    room.close();
  });

  it('runs once, however often and by however many it is started', async () => {
    const script = { script: 'echo run >>"$1"; cat; echo err >&2; exit 3', args: [room.path('runs')] };
    await Promise.all(Array.from({ length: 6 }, () => session.detach('once', script, { input: "it's a secret" })));
    const outcome = await session.awaitDetached('once');
    expect(outcome).toEqual({ outcome: 'done', exitCode: 3, stdout: "it's a secret", stderr: 'err\n' });
    expect(await session.detach('once', script)).toMatchObject({ state: 'exited', exitCode: 3, stdout: "it's a secret" });
    expect(readFileSync(room.path('runs'), 'utf8')).toBe('run\n');
    expect(readdirSync(join(sshd.stateHome, 'quarterdeck', 'jobs')).filter((name) => name.startsWith('.stage'))).toEqual([]);
  });

  it('removes its input, keeps its files private and gives the script the umask of the account', async () => {
    await session.detach('private', { script: 'umask; stat -c %a "$0" >&2 || :; cat >/dev/null' }, { input: 'secret' });
    const outcome = await session.awaitDetached('private');
    const account = await session.exec({ script: 'umask' });
    expect(outcome.outcome === 'done' && outcome.stdout).toBe(account.outcome === 'done' && account.stdout.toString());
    expect(outcome.outcome === 'done' && outcome.stderr).toBe('600\n');
    expect(existsSync(jobFile('private', 'input'))).toBe(false);
  });

  it('tells output as it comes, exactly', async () => {
    const gate = room.path('gate');
    const big = 'é'.repeat(400_000);
    await session.detach('chatty', { script: 'cat; while [ ! -e "$1" ]; do sleep 0.05; done; echo end', args: [gate] }, { input: big });
    let seen = '';
    const outcome = await session.awaitDetached('chatty', {
      onOutput: (text) => {
        seen += text;
        if (seen.length === big.length) writeFileSync(gate, '');
      },
    });
    expect(outcome).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(seen === `${big}end\n`).toBe(true);
    expect(outcome.outcome === 'done' && outcome.stdout === seen).toBe(true);
  });

  it('tells absent, running and lost apart, also when the pid was given away', async () => {
    expect(await session.detached('never')).toEqual({ state: 'absent', stdout: '', stderr: '' });
    const state = await session.detach('killed', { script: 'echo $$; exec sleep 600' });
    expect(state).toMatchObject({ state: 'running', pid: expect.any(Number) });
    await expect.poll(async () => (await session.detached('killed')).stdout).toMatch(/\d+\n/);
    const { stdout } = await session.detached('killed');
    await session.exec({ script: 'kill -KILL "$1" "$2"', args: [String(state.pid), stdout.trim()] });
    expect(await session.awaitDetached('killed')).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'outcome-unknown', detail: { state: 'lost' } },
    });
    // A living process under the recorded pid, yet another one: this very test.
    const recorded = readFileSync(jobFile('killed', 'runner'), 'utf8');
    writeFileSync(jobFile('killed', 'runner'), recorded.replace(/^\d+/, String(process.pid)));
    expect(await session.detached('killed')).toMatchObject({ state: 'lost' });
  });

  it('can be given up waiting for, and refuses keys that are no keys', async () => {
    const gate = room.path('gate-2');
    await session.detach('patient', { script: 'while [ ! -e "$1" ]; do sleep 0.05; done', args: [gate] });
    const abort = new AbortController();
    const waiting = session.awaitDetached('patient', { signal: abort.signal });
    abort.abort();
    expect(await waiting).toMatchObject({ outcome: 'unknown', problem: { code: 'cancelled' } });
    writeFileSync(gate, '');
    expect(await session.awaitDetached('patient')).toMatchObject({ outcome: 'done', exitCode: 0 });
    for (const key of ['../up', '', '-x', 'A', 'a/b', 'a'.repeat(82)])
      await expect(session.detach(key, { script: ':' })).rejects.toMatchObject({ code: 'bad-input' });
  });
});
