import type { BackupList } from '../../contract/backups.ts';
import type { BackupsWork } from '../features/backups/work.ts';
import { createBackupsWork } from '../features/backups/work.ts';
import type { ConnectionsStore } from '../features/connection/store.ts';
import { createConnectionsStore } from '../features/connection/store.ts';
import type { HealthStore } from '../features/overview/store.ts';
import { createHealthStore } from '../features/overview/store.ts';
import type { Rpc } from '../rpc/client.ts';
import type { Toasts } from '../ui/toasts.ts';
import { createToasts } from '../ui/toasts.ts';
import type { CommandsStore } from './commands-store.ts';
import { createCommandsStore } from './commands-store.ts';
import type { Loadable } from './loadable.ts';
import { createFamily, createLoadable } from './loadable.ts';
import type { Pulse } from './pulse.ts';
import { createPulse } from './pulse.ts';

type Client = Rpc['rpc'];
type Answer<Call extends (...input: never[]) => Promise<unknown>> = Awaited<ReturnType<Call>>;

/** What outlives a single screen. One store per feature. */
export interface Stores {
  readonly info: Loadable<Answer<Client['app']['info']>>;
  readonly settings: Loadable<Answer<Client['settings']['get']>>;
  readonly environments: Loadable<Answer<Client['environments']['list']>>;
  readonly stacks: Loadable<Answer<Client['stacks']['list']>>;
  readonly demo: Loadable<Answer<Client['demo']['status']>>;
  readonly connections: ConnectionsStore;
  readonly health: HealthStore;
  readonly runs: (environmentId: string) => Loadable<Answer<Client['runs']['list']>>;
  readonly hostLock: (environmentId: string) => Loadable<Answer<Client['runs']['hostLock']>>;
  readonly runbooks: (environmentId: string) => Loadable<Answer<Client['runs']['runbooks']>>;
  readonly backups: (environmentId: string) => Loadable<BackupList>;
  readonly rehearsals: (environmentId: string) => Loadable<Answer<Client['rehearsals']['list']>>;
  readonly backupsWork: BackupsWork;
  readonly secrets: (environmentId: string) => Loadable<Answer<Client['secrets']['status']>>;
  readonly sources: (environmentId: string) => Loadable<Answer<Client['logs']['sources']>>;
  readonly pulse: Pulse;
  readonly toasts: Toasts;
  readonly commands: CommandsStore;
}

const RUNS_SHOWN = 200;

/** Makes the stores of one window. Nothing is asked before a screen wants it. */
export function createStores(host: Rpc): Stores {
  const client = host.rpc;
  const connections = createConnectionsStore(host);
  const stores: Stores = {
    info: createLoadable((signal) => client.app.info({}, { signal })),
    settings: createLoadable((signal) => client.settings.get({}, { signal })),
    environments: createLoadable((signal) => client.environments.list({}, { signal })),
    stacks: createLoadable((signal) => client.stacks.list({}, { signal })),
    demo: createLoadable((signal) => client.demo.status({}, { signal })),
    connections,
    health: createHealthStore(host),
    runs: createFamily((environmentId, signal) => client.runs.list({ environmentId, limit: RUNS_SHOWN }, { signal })),
    hostLock: createFamily((environmentId, signal) => client.runs.hostLock({ environmentId }, { signal })),
    runbooks: createFamily((environmentId, signal) => client.runs.runbooks({ environmentId }, { signal })),
    backups: createFamily((environmentId, signal) => client.backups.list({ environmentId }, { signal })),
    rehearsals: createFamily((environmentId, signal) => client.rehearsals.list({ environmentId }, { signal })),
    backupsWork: createBackupsWork(client),
    secrets: createFamily((environmentId, signal) => client.secrets.status({ environmentId }, { signal })),
    sources: createFamily((environmentId, signal) => client.logs.sources({ environmentId }, { signal })),
    pulse: createPulse(host),
    toasts: createToasts(),
    commands: createCommandsStore(),
  };
  return stores;
}

/**
 * Keeps the stores fresh while the window is open: the journal says what happened, whoever did it (this window, another
 * one or the command line), and what is shown is asked again.
 */
export function keepFresh(host: Rpc, stores: Stores): () => void {
  const { pulse, environments, settings, connections } = stores;
  settings.ensure();
  environments.ensure();
  const stops = [
    connections.start(),
    pulse.start(),
    pulse.listen((entry) => {
      if (entry.kind.startsWith('environment-')) void environments.refresh();
      const id = entry.environmentId;
      if (id === null) return;
      const run = entry.kind.startsWith('run-') || entry.kind.startsWith('revert-');
      const backup = entry.kind.startsWith('backup-');
      if (run && stores.runs(id).store.getState().status !== 'idle') void stores.runs(id).refresh();
      // Asking the host opens its connection: only where it is open already.
      const lock = (run || entry.kind === 'host-lock-removed') && connections.store.getState().byId[id]?.phase === 'connected';
      if (lock && stores.hostLock(id).store.getState().status !== 'idle') void stores.hostLock(id).refresh();
      if (run && stores.rehearsals(id).store.getState().status !== 'idle') void stores.rehearsals(id).refresh();
      if ((backup || entry.kind === 'run-ended' || entry.kind === 'revert-ended') && stores.backups(id).store.getState().status !== 'idle')
        void stores.backups(id).refresh();
      if (entry.kind.startsWith('secret-') && stores.secrets(id).store.getState().status !== 'idle') void stores.secrets(id).refresh();
    }),
    host.connection.subscribe((now, before) => {
      // What could not be read while the host was away is read again when it is back.
      if (now.state === 'open' && before.state === 'lost') {
        for (const loadable of [environments, settings, stores.info, stores.stacks, stores.demo]) {
          if (loadable.store.getState().status !== 'idle') void loadable.refresh();
        }
      }
    }),
  ];
  stops.push(followStart(stores.demo));
  return () => {
    for (const stop of stops) stop();
  };
}

/** How often a demo that somebody else is starting is asked for, in milliseconds. */
const START_LOOK_MS = 1000;

/** The host starts the demo by itself on the first run, and tells nobody when it is up: it is asked until it is. */
function followStart({ store, refresh }: Stores['demo']): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    const { status, data } = store.getState();
    if (status === 'ready' && data?.state === 'starting') timer = setTimeout(() => void refresh(), START_LOOK_MS);
  };
  const stop = store.subscribe(look);
  return () => {
    stop();
    clearTimeout(timer);
  };
}
