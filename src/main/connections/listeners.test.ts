import { expect, it } from 'vitest';
import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import { createJournal } from '../journal/journal.ts';
import { migrations } from '../store/migrations/index.ts';
import { openStore } from '../store/store.ts';
import { createConnections } from './connections.ts';

it('goes on when one of its listeners fails, and says so in the log', async () => {
  const store = openStore(':memory:', migrations);
  const environment = {
    id: 'env-a',
    name: 'a',
    ssh: { target: { host: 'h', port: 22, user: 'u', auth: [] }, jumps: [] },
  } as unknown as Environment;
  const session = {
    closed: new Promise(() => undefined),
    exec: async () => ({ outcome: 'unknown' }),
    close: async () => undefined,
    server: { ident: 'x', hostKeyType: 'x', fingerprint: 'x' },
  } as unknown as SshSession;
  const lines: string[] = [];
  const connections = createConnections({
    environments: { list: async () => [environment], find: () => environment, onChange: () => () => undefined },
    secrets: { readForHop: async () => undefined },
    store,
    journal: createJournal({ store, operator: 'tester@lab', clock: () => 1 }),
    files: [],
    open: async () => session,
    log: (line) => void lines.push(line),
  });
  const heard: string[] = [];
  connections.onState(() => {
    throw new Problem('journal-unwritable', 'the disk is full');
  });
  connections.onState(({ phase }) => void heard.push(phase));
  expect((await connections.connect({ environmentId: 'env-a' })).phase).toBe('connected');
  expect(heard).toEqual(['connecting', 'connected']);
  expect(lines.join()).toContain('the disk is full');
  await connections.close();
  store.close();
});
