import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SshSession } from '../../src/main/drivers/ssh/types.ts';
import { connectTo, skipSsh } from '../support/ssh-lab.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';

describe.skipIf(skipSsh())('commands over a real sshd', () => {
  let sshd: Sshd;
  let session: SshSession;
  beforeAll(async () => {
    sshd = await startSshd();
    session = await connectTo(sshd);
  });
  afterAll(async () => {
    await session?.close();
    await sshd?.stop();
  });

  it('runs a script with arguments and input and sees its end', async () => {
    const outcome = await session.exec(
      { script: 'printf "%s|" "$@"; cat; printf err >&2; exit 7', args: ["it's", '$(id)', 'a b', ''] },
      { input: 'from stdin\n' },
    );
    expect(outcome).toMatchObject({ outcome: 'done', exitCode: 7, truncated: false });
    if (outcome.outcome !== 'done') return;
    expect(outcome.stdout.toString()).toBe("it's|$(id)|a b||from stdin\n");
    expect(outcome.stderr.toString()).toBe('err');
  });

  it('knows what server it is', () => {
    expect(session.server.fingerprint).toBe(sshd.hostKeys[0]?.fingerprint);
    expect(session.server.hostKeyType).toBe('ssh-ed25519');
    expect(session.server.ident).toMatch(/OpenSSH/);
  });

  it('keeps input binary-exact, and scripts with any text', async () => {
    const input = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    const outcome = await session.exec({ script: "# ünïcode ) ' \" `\ncat <<'EOF' >&2\n) $x\nEOF\ncat" }, { input });
    expect(outcome.outcome).toBe('done');
    if (outcome.outcome !== 'done') return;
    expect(outcome.stdout.equals(input)).toBe(true);
    expect(outcome.stderr.toString()).toBe(') $x\n');
  });

  it('does not stall on unread input, much stderr, or set -e', async () => {
    const big = await session.exec({ script: 'head -c 5000000 /dev/zero >&2; printf done' }, { maxBytes: 1000 });
    expect(big).toMatchObject({ outcome: 'done', exitCode: 0, truncated: true });
    const unread = await session.exec({ script: 'exit 3' }, { input: Buffer.alloc(3_000_000) });
    expect(unread).toMatchObject({ outcome: 'done', exitCode: 3 });
    expect(await session.exec({ script: 'set -e; false; echo never' })).toMatchObject({ outcome: 'done', exitCode: 1 });
    expect(await session.exec({ script: 'if then' })).toMatchObject({ outcome: 'done', exitCode: 2 });
    expect(await session.exec({ script: 'kill -KILL $$' })).toMatchObject({ outcome: 'unknown', problem: { code: 'outcome-unknown' } });
  });

  it('keeps what start-up files print out of the output', async () => {
    writeFileSync(join(sshd.dir, 'home', '.bashrc'), 'echo noise from a start-up file\n');
    const outcome = await session.exec({ script: 'echo clean' });
    expect(outcome.outcome === 'done' && outcome.stdout.toString()).toBe('clean\n');
    const stream = await session.stream({ script: 'echo clean' });
    expect(await text(stream.stdout)).toBe('clean\n');
    rmSync(join(sshd.dir, 'home', '.bashrc'));
  });

  it('tells a timeout and a cancellation as unknown', async () => {
    expect(await session.exec({ script: 'sleep 30' }, { timeoutMs: 200 })).toMatchObject({
      outcome: 'unknown',
      problem: { code: 'timed-out' },
    });
    const abort = new AbortController();
    const running = session.exec({ script: 'sleep 30' }, { signal: abort.signal });
    await session.exec({ script: ':' });
    abort.abort();
    expect(await running).toMatchObject({ outcome: 'unknown', problem: { code: 'cancelled' } });
  });

  it('comes back although a background child keeps the channel open', async () => {
    expect(await session.exec({ script: 'sleep 20 & echo started' })).toMatchObject({ outcome: 'done', exitCode: 0 });
  });
});
