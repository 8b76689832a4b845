import { PassThrough } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../../contract/problem.ts';
import type { ExecContext } from './exec.ts';
import { exec } from './exec.ts';
import { createLifeline } from './lifeline.ts';
import { stream } from './stream.ts';

/** A server that grants a channel and drops the connection in one packet: the line is cut before the caller sees its channel. */
function cutWhileOpening(): { context: ExecContext; released: () => number } {
  const lifeline = createLifeline();
  let released = 0;
  const channel = Object.assign(new PassThrough(), { stderr: new PassThrough() }) as unknown as ClientChannel;
  Object.assign(channel, { close: () => channel.destroy() });
  const context: ExecContext = {
    lifeline,
    where: 'u@h',
    open: async () => channel,
    queue: {
      open: async <T>(_kind: string, start: () => Promise<T>) => {
        const value = await start();
        lifeline.cut(new Problem('ssh-connection-lost', 'gone', { retryable: true }).data);
        return { value, release: () => void released++ };
      },
      state: { limit: 1, active: 0, waiting: 0 },
    },
  };
  return { context, released: () => released };
}

describe('a line cut in the moment a channel opens', () => {
  it('makes a command unknown, and frees its slot', async () => {
    const { context, released } = cutWhileOpening();
    expect(await exec(context, { script: ':' })).toMatchObject({ outcome: 'unknown', problem: { code: 'ssh-connection-lost' } });
    expect(released()).toBeGreaterThan(0);
  });

  it('ends a stream as unknown', async () => {
    const { context, released } = cutWhileOpening();
    const opened = await stream(context, { script: ':' });
    expect(await opened.ended).toMatchObject({ outcome: 'unknown', problem: { code: 'ssh-connection-lost' } });
    expect(released()).toBeGreaterThan(0);
  });
});

describe('createLifeline', () => {
  it('tells a late listener once, unless it has left', async () => {
    const lifeline = createLifeline();
    lifeline.cut(new Problem('ssh-connection-lost', 'gone').data);
    const told: string[] = [];
    lifeline.onCut(({ message }) => told.push(message));
    lifeline.onCut(() => told.push('left'))();
    await Promise.resolve();
    expect(told).toEqual(['gone']);
  });
});
