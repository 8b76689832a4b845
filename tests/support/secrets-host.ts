/**
 * A host of the four services that deal with secrets, in a process of its own (keytar reads the environment when it is loaded).
 * One JSON line in, one out: `{id, call: "secrets.set", input}` → `{id, output}` or `{id, problem}`. `host.*` calls are for
 * the test only and are no part of what a window could ask.
 *
 * Arguments: the data folder, and a known_hosts file.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Problem } from '../../src/contract/problem.ts';
import { createConnections } from '../../src/main/connections/connections.ts';
import { createKeychain } from '../../src/main/drivers/keychain/keychain.ts';
import { createJournal } from '../../src/main/journal/journal.ts';
import { createLog } from '../../src/main/log.ts';
import { createEnvironments } from '../../src/main/profiles/environments.ts';
import { createSettings } from '../../src/main/profiles/settings.ts';
import { createSecrets } from '../../src/main/secrets/secrets.ts';
import { migrations } from '../../src/main/store/migrations/index.ts';
import { openStore } from '../../src/main/store/store.ts';

const [folder = '', knownHosts = ''] = process.argv.slice(2);
mkdirSync(folder, { recursive: true, mode: 0o700 });
const store = openStore(join(folder, 'quarterdeck.db'), migrations);
const journal = createJournal({ store, operator: 'tester@lab', clock: Date.now });
// No redaction on purpose: what is looked for must not have been written in the first place.
const log = createLog({ folder: join(folder, 'logs'), redact: (text) => text });
const stacks = {
  get: (id: string) => (id === 'none' ? undefined : { inputs: [], secrets: [{ key: 'api-key', title: 'API key', required: true }] }),
};
const keychain = createKeychain({ service: 'Quarterdeck', timeoutMs: 3000 });
const secrets = createSecrets({ store, keychain, journal, stacks });
const environments = createEnvironments({ store, stacks, journal, secrets });
const connections = createConnections({
  environments,
  secrets,
  store,
  journal,
  files: [knownHosts],
  log: (line) => log.info(line),
  latencyEveryMs: 60_000,
});
const settings = createSettings({ store });

const domains: Record<string, object> = {
  environments,
  secrets,
  connections,
  settings,
  journal: { list: async () => journal.list({ limit: 1000 }) },
  host: {
    // Uses a secret as the host would, and answers only whether it is the one expected (by length), never the value.
    lengthOf: async ({ environmentId, key }: { environmentId: string; key: string }) =>
      ((await secrets.read(environmentId, key)) ?? '').length,
    promote: async ({ environmentId, key, fingerprint }: { environmentId: string; key: string; fingerprint: string }) =>
      secrets.slots(environmentId).promote(key, fingerprint),
    demote: async ({ environmentId, key, fingerprint }: { environmentId: string; key: string; fingerprint: string }) =>
      secrets.slots(environmentId).demote(key, fingerprint),
    masterKeys: async () => store.prepare("SELECT count(*) AS n FROM settings WHERE name LIKE 'vault-key:%'").get(),
    sealedRows: async () => store.prepare('SELECT count(*) AS n FROM secrets').get(),
    exec: async ({ environmentId }: { environmentId: string }) => {
      const session = await connections.sessionFor(environmentId);
      const outcome = await session.exec({ script: 'printf hello' });
      return outcome.outcome === 'done' ? outcome.stdout.toString() : outcome.outcome;
    },
  },
};

async function answer(line: string): Promise<void> {
  const { id, call, input } = JSON.parse(line) as { id: number; call: string; input: unknown };
  const reply = (body: object): void => void process.stdout.write(`${JSON.stringify({ id, ...body })}\n`);
  try {
    const [domain = '', verb = ''] = call.split('.');
    const service = domains[domain] as Record<string, (given: unknown) => Promise<unknown>>;
    const method = service[verb];
    if (method === undefined) throw new Error(`no ${call}`);
    log.info('call', { call });
    reply({ output: await method.call(service, input) });
  } catch (error) {
    if (!(error instanceof Problem)) log.error('call failed', { call, error: error instanceof Error ? error.stack : 'thrown' });
    reply(error instanceof Problem ? { problem: error.data } : { crash: error instanceof Error ? error.stack : String(error) });
  }
}

const input = createInterface({ input: process.stdin });
input.on('line', (line) => void answer(line));
input.on('close', () => {
  void connections.close().then(() => {
    secrets.close();
    void keychain.close();
    store.close();
    process.exit(0);
  });
});
