import { randomBytes } from 'node:crypto';
import type { Environment, EnvironmentDraft, ProfileFile, SshConfigHost } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { JournalWriter } from '../journal/types.ts';
import type { Secrets } from '../secrets/secrets.ts';
import type { Store } from '../store/store.ts';
import type { StackLookup } from './checks.ts';
import { checkedDraft } from './checks.ts';
import { createEnvironmentRows, draftOf, sameName } from './rows.ts';
import { readSshConfigHosts } from './ssh-config-file.ts';

/** What happened to an environment; told after it is stored. */
export type EnvironmentChange =
  | { readonly kind: 'created'; readonly environment: Environment }
  | { readonly kind: 'changed'; readonly environment: Environment; readonly routeChanged: boolean }
  | { readonly kind: 'removed'; readonly environment: Environment };

/** What {@link createEnvironments} works with. */
export interface EnvironmentsOptions {
  readonly store: Store;
  readonly stacks: StackLookup;
  readonly journal: JournalWriter;
  /** Forgets what it keeps in memory for a removed environment, and drops sign-in secrets when others stand in their place. */
  readonly secrets?: Pick<Secrets, 'forget' | 'routeChanged'>;
  readonly clock?: () => number;
  /** The user's home, for `~/.ssh/config`. Default: the system's word. */
  readonly home?: string;
}

/** Connection profiles. */
export interface Environments {
  list(): Promise<Environment[]>;
  get(input: { environmentId: string }): Promise<Environment>;
  create(draft: EnvironmentDraft): Promise<Environment>;
  update(input: { environmentId: string; revision: number; draft: EnvironmentDraft }): Promise<Environment>;
  duplicate(input: { environmentId: string; name: string }): Promise<Environment>;
  remove(input: { environmentId: string; typedName?: string | undefined }): Promise<{ removed: true }>;
  readSshConfig(input: { path?: string | undefined }): Promise<{ path: string; hosts: SshConfigHost[]; warnings: string[] }>;
  exportProfiles(input: { environmentIds?: string[] | undefined }): Promise<ProfileFile>;
  importProfiles(input: { file: ProfileFile }): Promise<Environment[]>;
  /** For other services: an environment, or undefined. */
  find(environmentId: string): Environment | undefined;
  /** For the demo: makes the embedded environment. */
  createDemo(draft: EnvironmentDraft): Environment;
  /** Called after each stored change. Returns the way to stop. */
  onChange(listener: (change: EnvironmentChange) => void): () => void;
}

/** Makes the environments service. Every change and its journal entry are one transaction. */
export function createEnvironments({ store, stacks, journal, secrets, clock = Date.now, home }: EnvironmentsOptions): Environments {
  const rows = createEnvironmentRows(store);
  const listeners = new Set<(change: EnvironmentChange) => void>();
  const tell = (change: EnvironmentChange): void => {
    for (const listener of [...listeners]) listener(change);
  };

  const need = (environmentId: string): Environment => {
    const environment = rows.find(environmentId);
    if (environment === undefined)
      throw new Problem('not-found', 'That environment does not exist (any more).', { detail: { environmentId } });
    return environment;
  };
  const nameFree = (name: string, except?: string): void => {
    if (rows.list().some((other) => other.id !== except && sameName(other.name, name))) {
      throw new Problem('conflict', `There is already an environment called ${name}.`, {
        hint: 'Choose another name; capital letters make no difference.',
        detail: { field: 'name' },
      });
    }
  };
  const insert = (draft: EnvironmentDraft, how: string, demo = false): Environment => {
    const at = clock();
    const environment: Environment = {
      ...draft,
      id: `env-${randomBytes(8).toString('hex')}`,
      demo,
      revision: 1,
      createdAt: at,
      updatedAt: at,
    };
    rows.insert(environment);
    journal.append({
      kind: 'environment-created',
      environmentId: environment.id,
      summary: `Environment ${draft.name} was ${how}.`,
      data: facts(environment),
    });
    return environment;
  };
  const create = (draft: EnvironmentDraft, how: string, demo = false): Environment => {
    const checked = checkedDraft(draft, stacks);
    const environment = store
      .transaction(() => {
        nameFree(checked.name);
        return insert(checked, how, demo);
      })
      .immediate();
    tell({ kind: 'created', environment });
    return environment;
  };

  return {
    list: async () => rows.list(),
    find: (environmentId) => rows.find(environmentId),
    get: async ({ environmentId }) => need(environmentId),
    create: async (draft) => create(draft, 'created'),
    createDemo: (draft) => create(draft, 'made for the demo host', true),
    async update({ environmentId, revision, draft }) {
      const checked = checkedDraft(draft, stacks);
      const { before, environment } = store
        .transaction(() => {
          const before = need(environmentId);
          if (before.revision !== revision) {
            throw new Problem('conflict', `${before.name} was changed meanwhile (revision ${before.revision}, yours is ${revision}).`, {
              hint: 'Load it again and repeat the change.',
              detail: { revision: before.revision },
            });
          }
          nameFree(checked.name, environmentId);
          const environment: Environment = { ...before, ...checked, revision: revision + 1, updatedAt: clock() };
          rows.update(environment);
          secrets?.routeChanged(environmentId, before.ssh, environment.ssh);
          const changed = changedFields(before, environment);
          journal.append({
            kind: 'environment-changed',
            environmentId,
            summary: `Environment ${environment.name} was changed${changed.length === 0 ? '' : `: ${changed.join(', ')}`}.`,
            data: { ...facts(environment), changed },
          });
          return { before, environment };
        })
        .immediate();
      tell({ kind: 'changed', environment, routeChanged: !sameJson(before.ssh, environment.ssh) });
      return environment;
    },
    duplicate: async ({ environmentId, name }) => {
      const original = need(environmentId);
      return create({ ...draftOf(original), name }, `duplicated from ${original.name}`);
    },
    async remove({ environmentId, typedName }) {
      const environment = store
        .transaction(() => {
          const environment = need(environmentId);
          if (environment.tier === 'production' && typedName !== environment.name) throw nameNotTyped(environment, typedName);
          rows.remove(environmentId);
          journal.append({
            kind: 'environment-removed',
            environmentId,
            summary: `Environment ${environment.name} and its secrets were removed.`,
            data: facts(environment),
          });
          return environment;
        })
        .immediate();
      secrets?.forget(environmentId);
      tell({ kind: 'removed', environment });
      return { removed: true };
    },
    readSshConfig: ({ path }) => readSshConfigHosts({ ...(path === undefined ? {} : { path }), ...(home === undefined ? {} : { home }) }),
    async exportProfiles({ environmentIds }) {
      // The demo exists on this machine only, so it is exported when asked for by name, not by default.
      const chosen = environmentIds === undefined ? rows.list().filter(({ demo }) => !demo) : environmentIds.map(need);
      return { format: 'quarterdeck-profiles', version: 1, environments: chosen.map(draftOf) };
    },
    async importProfiles({ file }) {
      const checked = file.environments.map((draft, index) => checkedDraft(draft, stacks, `environments.${index}.`));
      const made = store
        .transaction(() => {
          const taken = rows.list().map(({ name }) => name);
          return checked.map((draft) => {
            const name = freeName(draft.name, taken);
            taken.push(name);
            return insert({ ...draft, name }, name === draft.name ? 'imported' : `imported (its file calls it ${draft.name})`);
          });
        })
        .immediate();
      for (const environment of made) tell({ kind: 'created', environment });
      return made;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function facts({ name, tier, stack, ssh, revision }: Environment): {
  name: string;
  tier: string;
  stack: string;
  host: string;
  revision: number;
} {
  return { name, tier, stack, host: `${ssh.target.user}@${ssh.target.host}:${ssh.target.port}`, revision };
}

function changedFields(before: Environment, after: Environment): string[] {
  return (['name', 'tier', 'ssh', 'stack', 'inputs', 'notes'] as const)
    .filter((field) => !sameJson(before[field], after[field]))
    .map((field) => (field === 'ssh' ? 'route' : field));
}

function sameJson(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function nameNotTyped({ name }: Environment, typed: string | undefined): Problem {
  if (typed === undefined || typed === '') {
    return new Problem('confirmation-required', `${name} is a production environment: removing it needs its name typed.`, {
      hint: `Type ${name} to remove it.`,
      detail: { field: 'typedName' },
    });
  }
  return new Problem('confirmation-wrong', `What was typed is not the name of ${name}; nothing was removed.`, {
    hint: `Type ${name} exactly.`,
    detail: { field: 'typedName' },
  });
}

/** `Name`, or `Name (2)`, `Name (3)` …; never longer than a name may be. */
function freeName(name: string, taken: readonly string[]): string {
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? '' : ` (${number})`;
    const candidate = `${name.slice(0, 80 - suffix.length).trimEnd()}${suffix}`;
    if (!taken.some((other) => sameName(other, candidate))) return candidate;
  }
}
