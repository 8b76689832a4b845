import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EnvironmentDraft } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { StackInput } from '../../contract/stacks.ts';
import type { Journal } from '../journal/journal.ts';
import { createJournal } from '../journal/journal.ts';
import { migrations } from '../store/migrations/index.ts';
import type { Store } from '../store/store.ts';
import { openStore } from '../store/store.ts';
import type { Environments } from './environments.ts';
import { createEnvironments } from './environments.ts';

const inputs: StackInput[] = [
  { name: 'base_url', title: 'Address', type: 'url', required: true },
  { name: 'db_path', title: 'Database', type: 'path', required: false, default: '/srv/db.sqlite' },
  { name: 'mode', title: 'Mode', type: 'choice', required: false, choices: ['fast', 'safe'] },
  { name: 'retries', title: 'Retries', type: 'number', required: false },
  { name: 'label', title: 'Label', type: 'text', required: false },
];
const draft = (more: Partial<EnvironmentDraft> = {}): EnvironmentDraft => ({
  name: 'Prod EU',
  tier: 'staging',
  ssh: { target: { host: 'example.com', port: 22, user: 'deploy', auth: [{ kind: 'agent' }] }, jumps: [] },
  stack: 'ff',
  inputs: { base_url: 'http://127.0.0.1:3000' },
  notes: '',
  ...more,
});

let store: Store;
let journal: Journal;
let environments: Environments;
let now = 1000;
beforeEach(() => {
  now = 1000;
  store = openStore(':memory:', migrations);
  journal = createJournal({ store, operator: 'tester@lab', clock: () => now });
  environments = createEnvironments({ store, journal, stacks: { get: (id) => (id === 'ff' ? { inputs } : undefined) }, clock: () => now });
});
afterEach(() => {
  journal.close();
  store.close();
});
const kinds = () => journal.list({ limit: 100 }).entries.map(({ kind }) => kind);
const problemOf = async (work: Promise<unknown>): Promise<Problem> => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof Problem)) throw new Error('no problem was thrown');
  return thrown;
};

describe('create', () => {
  it('stores the profile with the stack’s defaults, journals it and tells of it', async () => {
    const heard = vi.fn();
    environments.onChange(heard);
    const made = await environments.create(draft());
    expect(made).toMatchObject({
      name: 'Prod EU',
      revision: 1,
      demo: false,
      createdAt: 1000,
      updatedAt: 1000,
      inputs: { base_url: 'http://127.0.0.1:3000', db_path: '/srv/db.sqlite' },
    });
    expect(made.id).toMatch(/^[a-z0-9][a-z0-9-]{0,63}$/);
    expect(await environments.get({ environmentId: made.id })).toEqual(made);
    expect(await environments.list()).toEqual([made]);
    expect(environments.find('nobody')).toBeUndefined();
    expect(kinds()).toEqual(['environment-created']);
    expect(heard).toHaveBeenCalledExactlyOnceWith({ kind: 'created', environment: made });
  });

  it.each<[string, Partial<EnvironmentDraft>]>([
    ['stack', { stack: 'nothing' }],
    ['inputs.base_url', { inputs: {} }],
    ['inputs.base_url', { inputs: { base_url: 'ftp://x' } }],
    ['inputs.base_url', { inputs: { base_url: 'http://user:pass@x/' } }],
    ['inputs.base_url', { inputs: { base_url: 'http://x/?key=1' } }],
    ['inputs.db_path', { inputs: { base_url: 'http://x', db_path: 'relative' } }],
    ['inputs.mode', { inputs: { base_url: 'http://x', mode: 'other' } }],
    ['inputs.retries', { inputs: { base_url: 'http://x', retries: '1e3' } }],
    ['inputs.label', { inputs: { base_url: 'http://x', label: 'two\nlines' } }],
    ['inputs.unknown', { inputs: { base_url: 'http://x', unknown: '1' } }],
    [
      'ssh.target.auth.0.path',
      { ssh: { target: { host: 'h', port: 22, user: 'u', auth: [{ kind: 'key', path: 'relative' }] }, jumps: [] } },
    ],
    [
      'ssh.jumps.0.auth.0.path',
      { ssh: { target: draft().ssh.target, jumps: [{ host: 'h', port: 22, user: 'u', auth: [{ kind: 'key', path: '~root/key' }] }] } },
    ],
  ])('refuses %s with the field and the rule', async (path, more) => {
    const problem = await problemOf(environments.create(draft(more)));
    expect(problem).toMatchObject({
      code: 'bad-input',
      message: expect.stringContaining(path),
      data: { detail: { issues: [expect.objectContaining({ path })] } },
    });
    // A password someone put into an address must not come back in words.
    expect(JSON.stringify(problem.data)).not.toContain('pass@');
    expect(await environments.list()).toEqual([]);
    expect(kinds()).toEqual([]);
  });

  it('an optional input that was emptied stays empty', async () => {
    expect((await environments.create(draft({ inputs: { base_url: 'http://x', db_path: ' ' } }))).inputs).toEqual({
      base_url: 'http://x',
      db_path: '',
    });
  });

  it('names are unique without regard to case', async () => {
    await environments.create(draft({ name: 'Öst' }));
    await expect(environments.create(draft({ name: 'öST' }))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('stores nothing when the journal can’t be written', async () => {
    const broken = createEnvironments({
      store,
      stacks: { get: () => ({ inputs }) },
      journal: {
        append: () => {
          throw new Problem('journal-unwritable', 'disk full');
        },
      },
    });
    await expect(broken.create(draft())).rejects.toMatchObject({ code: 'journal-unwritable' });
    expect(await environments.list()).toEqual([]);
  });
});

describe('update', () => {
  it('goes up a revision, says what changed, and whether the route did', async () => {
    const made = await environments.create(draft());
    const heard = vi.fn();
    environments.onChange(heard);
    now = 2000;
    const ref = { environmentId: made.id };
    const renamed = await environments.update({ ...ref, revision: 1, draft: draft({ name: 'prod eu', notes: 'n' }) });
    expect(renamed).toMatchObject({ id: made.id, name: 'prod eu', revision: 2, createdAt: 1000, updatedAt: 2000 });
    const moved = draft({ ssh: { ...draft().ssh, target: { ...draft().ssh.target, port: 2222 } } });
    await environments.update({ ...ref, revision: 2, draft: moved });
    expect(heard.mock.calls.map(([change]) => [change.kind, change.routeChanged])).toEqual([
      ['changed', false],
      ['changed', true],
    ]);
    const [last, first] = journal.list({ limit: 100, kinds: ['environment-changed'] }).entries;
    expect(first?.data['changed']).toEqual(['name', 'notes']);
    expect(last?.data['changed']).toEqual(['name', 'route', 'notes']);
  });

  it('refuses an older revision, a taken name, an unknown environment', async () => {
    const made = await environments.create(draft());
    await environments.create(draft({ name: 'Other' }));
    const ref = { environmentId: made.id };
    await environments.update({ ...ref, revision: 1, draft: draft() });
    await expect(environments.update({ ...ref, revision: 1, draft: draft() })).rejects.toMatchObject({
      code: 'conflict',
      data: { detail: { revision: 2 } },
    });
    await expect(environments.update({ ...ref, revision: 2, draft: draft({ name: 'OTHER' }) })).rejects.toMatchObject({ code: 'conflict' });
    await expect(environments.update({ environmentId: 'env-x', revision: 1, draft: draft() })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('remove', () => {
  it('asks for the typed name on production only', async () => {
    const prod = await environments.create(draft({ tier: 'production' }));
    await expect(environments.remove({ environmentId: prod.id })).rejects.toMatchObject({ code: 'confirmation-required' });
    await expect(environments.remove({ environmentId: prod.id, typedName: 'prod eu' })).rejects.toMatchObject({
      code: 'confirmation-wrong',
    });
    expect(await environments.remove({ environmentId: prod.id, typedName: 'Prod EU' })).toEqual({ removed: true });
    const staging = await environments.create(draft());
    expect(await environments.remove({ environmentId: staging.id })).toEqual({ removed: true });
    await expect(environments.get({ environmentId: staging.id })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('takes the secrets along, and keeps the history', async () => {
    const { id } = await environments.create(draft());
    store.prepare('INSERT INTO secrets (environment_id, key, sealed, updated_at) VALUES (?, ?, ?, 1)').run(id, 'api-key', Buffer.from('x'));
    await environments.remove({ environmentId: id });
    expect(store.prepare('SELECT count(*) AS n FROM secrets').get()).toEqual({ n: 0 });
    expect(kinds()).toEqual(['environment-removed', 'environment-created']);
  });
});

it('duplicates under a new name; the demo’s copy is no demo', async () => {
  const demo = environments.createDemo(draft({ name: 'Demo' }));
  expect(demo.demo).toBe(true);
  const copy = await environments.duplicate({ environmentId: demo.id, name: 'Copy' });
  expect(copy).toMatchObject({ name: 'Copy', demo: false, revision: 1, ssh: demo.ssh });
  await expect(environments.duplicate({ environmentId: demo.id, name: 'copy' })).rejects.toMatchObject({ code: 'conflict' });
});

describe('profile files', () => {
  it('go out without the demo and come in with numbered names', async () => {
    environments.createDemo(draft({ name: 'Demo' }));
    await environments.create(draft());
    const file = await environments.exportProfiles({});
    expect(file).toEqual({
      format: 'quarterdeck-profiles',
      version: 1,
      environments: [draft({ inputs: { base_url: 'http://127.0.0.1:3000', db_path: '/srv/db.sqlite' } })],
    });
    const twice = { ...file, environments: [...file.environments, ...file.environments] };
    expect((await environments.importProfiles({ file: twice })).map(({ name }) => name)).toEqual(['Prod EU (2)', 'Prod EU (3)']);
  });

  it('save nothing when one of them is bad', async () => {
    const file = {
      format: 'quarterdeck-profiles' as const,
      version: 1 as const,
      environments: [draft(), draft({ name: 'Bad', inputs: {} })],
    };
    expect(await problemOf(environments.importProfiles({ file }))).toMatchObject({
      code: 'bad-input',
      data: { detail: { issues: [{ path: 'environments.1.inputs.base_url' }] } },
    });
    expect(await environments.list()).toEqual([]);
  });

  it('a chosen environment that does not exist is told', async () => {
    await expect(environments.exportProfiles({ environmentIds: ['env-x'] })).rejects.toMatchObject({ code: 'not-found' });
  });
});
