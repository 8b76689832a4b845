import type { AppInfo } from '../contract/app.ts';
import type { Backups } from './backups/backups.ts';
import type { Connections } from './connections/connections.ts';
import type { DemoService } from './demo/service.ts';
import type { Engine } from './engine/engine.ts';
import type { Health } from './health/health.ts';
import type { Journal } from './journal/journal.ts';
import type { Logs } from './logs/logs.ts';
import type { Environments } from './profiles/environments.ts';
import type { SettingsService } from './profiles/settings.ts';
import type { Rehearsals } from './rehearsals/rehearsals.ts';
import { os } from './rpc/implement.ts';
import type { Secrets } from './secrets/secrets.ts';
import type { Stacks } from './stacks/stacks.ts';

/** The services behind the contract. */
export interface Services {
  info(): Promise<AppInfo>;
  readonly environments: Environments;
  readonly secrets: Secrets;
  readonly connections: Connections;
  readonly settings: SettingsService;
  readonly stacks: Stacks;
  readonly health: Health;
  readonly logs: Logs;
  readonly backups: Backups;
  readonly engine: Engine;
  readonly rehearsals: Rehearsals;
  readonly journal: Journal;
  readonly demo: DemoService;
}

/** A stream's signal: the call's own, which a transport always gives. */
const never = new AbortController().signal;

/** Hangs every service's methods on the contract. Nothing is decided here. */
export function createRouter({
  info,
  environments,
  secrets,
  connections,
  settings,
  stacks,
  health,
  logs,
  backups,
  engine,
  rehearsals,
  journal,
  demo,
}: Services) {
  return os.router({
    app: { info: os.app.info.handler(info) },
    settings: {
      get: os.settings.get.handler(() => settings.get()),
      set: os.settings.set.handler(({ input }) => settings.set(dropUndefined(input))),
    },
    stacks: {
      list: os.stacks.list.handler(() => {
        stacks.reload();
        return stacks.list();
      }),
    },
    environments: {
      list: os.environments.list.handler(() => environments.list()),
      get: os.environments.get.handler(({ input }) => environments.get(input)),
      create: os.environments.create.handler(({ input }) => environments.create(input)),
      update: os.environments.update.handler(({ input }) => environments.update(input)),
      duplicate: os.environments.duplicate.handler(({ input }) => environments.duplicate(input)),
      remove: os.environments.remove.handler(({ input }) => environments.remove(input)),
      readSshConfig: os.environments.readSshConfig.handler(({ input }) => environments.readSshConfig(input)),
      exportProfiles: os.environments.exportProfiles.handler(({ input }) => environments.exportProfiles(input)),
      importProfiles: os.environments.importProfiles.handler(({ input }) => environments.importProfiles(input)),
    },
    secrets: {
      status: os.secrets.status.handler(({ input }) => secrets.status(input)),
      set: os.secrets.set.handler(({ input }) => secrets.set(input)),
      discard: os.secrets.discard.handler(({ input }) => secrets.discard(input)),
      clear: os.secrets.clear.handler(({ input }) => secrets.clear(input)),
      recheckKeychain: os.secrets.recheckKeychain.handler(() => secrets.recheckKeychain()),
    },
    connections: {
      connect: os.connections.connect.handler(({ input }) => connections.connect(input)),
      disconnect: os.connections.disconnect.handler(({ input }) => connections.disconnect(input)),
      get: os.connections.get.handler(({ input }) => connections.get(input)),
      watch: os.connections.watch.handler(({ signal = never }) => connections.watch({}, signal)),
      trust: os.connections.trust.handler(({ input }) => connections.trust(input)),
      answer: os.connections.answer.handler(({ input }) => connections.answer(input)),
      hostKeys: os.connections.hostKeys.handler(() => connections.hostKeys()),
      forgetHostKey: os.connections.forgetHostKey.handler(({ input }) => connections.forgetHostKey(input)),
    },
    health: {
      snapshot: os.health.snapshot.handler(({ input }) => health.snapshot(input)),
      watch: os.health.watch.handler(({ input, signal = never }) => health.watch(input, signal)),
      check: os.health.check.handler(({ input }) => health.check(input)),
      history: os.health.history.handler(({ input }) => health.history(input)),
    },
    logs: {
      sources: os.logs.sources.handler(({ input }) => logs.sources(input)),
      follow: os.logs.follow.handler(({ input, signal = never }) => logs.follow(input, signal)),
      search: os.logs.search.handler(({ input, signal = never }) => logs.search(input, signal)),
    },
    backups: {
      list: os.backups.list.handler(({ input }) => backups.list(input)),
      verify: os.backups.verify.handler(({ input }) => backups.verify(input)),
      download: os.backups.download.handler(({ input, signal = never }) => backups.download(input, signal)),
    },
    runs: {
      runbooks: os.runs.runbooks.handler(({ input }) => engine.runbooks(input.environmentId)),
      plan: os.runs.plan.handler(({ input }) => engine.plan(input)),
      survey: os.runs.survey.handler(({ input, signal = never }) => engine.survey(input, signal)),
      preflight: os.runs.preflight.handler(({ input }) => engine.preflight(input)),
      confirm: os.runs.confirm.handler(({ input }) => engine.confirm(input)),
      start: os.runs.start.handler(({ input }) => engine.start(input)),
      list: os.runs.list.handler(({ input }) => engine.list(input)),
      get: os.runs.get.handler(({ input }) => engine.get(input)),
      watch: os.runs.watch.handler(({ input, signal = never }) => engine.watch(input, signal)),
      probe: os.runs.probe.handler(({ input }) => engine.probe(input)),
      resume: os.runs.resume.handler(({ input }) => engine.resume(input)),
      revert: os.runs.revert.handler(({ input }) => engine.revert(input)),
      pause: os.runs.pause.handler(({ input }) => engine.pause(input)),
      cancel: os.runs.cancel.handler(({ input }) => engine.cancel(input)),
      hostLock: os.runs.hostLock.handler(({ input }) => engine.hostLock(input)),
      breakLock: os.runs.breakLock.handler(({ input }) => engine.breakLock(input)),
    },
    rehearsals: { list: os.rehearsals.list.handler(({ input }) => rehearsals.list(input)) },
    journal: {
      list: os.journal.list.handler(({ input }) => journal.list(input)),
      watch: os.journal.watch.handler(({ input, signal = never }) => journal.watch(input, signal)),
      verify: os.journal.verify.handler(() => journal.verify()),
      export: os.journal.export.handler(async function* ({ input }) {
        yield* journal.export(input);
      }),
      note: os.journal.note.handler(({ input }) => journal.note(input)),
    },
    demo: {
      status: os.demo.status.handler(() => demo.status()),
      start: os.demo.start.handler(() => demo.start()),
      stop: os.demo.stop.handler(() => demo.stop()),
      setFault: os.demo.setFault.handler(({ input }) => demo.setFault(input)),
    },
  });
}

function dropUndefined<T extends object>(input: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
