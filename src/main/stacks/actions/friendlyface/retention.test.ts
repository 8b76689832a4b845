import { describe, expect, it } from 'vitest';
import type { SshSession } from '../../../drivers/ssh/types.ts';
import { readRetention } from './retention.ts';

const COUNT = 'FF_BACKUP_RETENTION_COUNT';
const DAYS = 'FF_BACKUP_RETENTION_DAYS';

function hostThatSays(text: string, truncated = false): SshSession {
  return {
    exec: async () => ({ outcome: 'done', exitCode: 0, stdout: Buffer.from(text), stderr: Buffer.alloc(0), truncated, durationMs: 1 }),
  } as Partial<SshSession> as SshSession;
}

describe('the retention in the env file', () => {
  it.each([
    ['one line each', `${COUNT}=5\n${DAYS}=7.5\n`, 5, 7.5],
    ['quotes, export and windows line ends', `  export ${COUNT}="5"\r\n${DAYS}='30'\r\n`, 5, 30],
    ['the last of several, as the deployment reads it', `${COUNT}=50\n${DAYS}=90\nexport ${COUNT}=3\n${DAYS}=7\n`, 3, 7],
    ['a last one that says nothing', `${COUNT}=50\n${COUNT}=\n${DAYS}=7\n${DAYS}=never\n`, 10, null],
    ['a comment about the other', `${DAYS}=7\n${COUNT}=5 # not ${DAYS}=1\n`, 5, 7],
    ['none', '', 10, null],
  ])('%s', async (_words, text, count, days) =>
    expect(await readRetention(hostThatSays(text), '/e')).toEqual({ count, days, source: 'the env file' }),
  );

  it('is not read from half an answer', async () => {
    const { source } = await readRetention(hostThatSays(`${COUNT}=50\n`, true), '/e');
    expect(source).toMatch(/^assumed/);
  });
});
