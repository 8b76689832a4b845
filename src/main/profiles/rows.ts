import type { Environment, EnvironmentDraft } from '../../contract/environments.ts';
import type { Store } from '../store/store.ts';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly draft: string;
  readonly demo: number;
  readonly revision: number;
  readonly created_at: number;
  readonly updated_at: number;
}

/** The `environments` table. */
export interface EnvironmentRows {
  /** By name. */
  list(): Environment[];
  find(id: string): Environment | undefined;
  insert(environment: Environment): void;
  update(environment: Environment): void;
  /** Its secrets go with it. */
  remove(id: string): void;
}

/** Makes {@link EnvironmentRows}. */
export function createEnvironmentRows(store: Store): EnvironmentRows {
  const values = (environment: Environment) => ({
    ...environment,
    draft: JSON.stringify(draftOf(environment)),
    demo: environment.demo ? 1 : 0,
    ssh: null,
    inputs: null,
    tier: null,
  });
  return {
    list: () => (store.prepare('SELECT * FROM environments ORDER BY name COLLATE NOCASE').all() as Row[]).map(environmentOf),
    find(id) {
      const row = store.prepare('SELECT * FROM environments WHERE id = ?').get(id) as Row | undefined;
      return row === undefined ? undefined : environmentOf(row);
    },
    insert(environment) {
      store
        .prepare(
          'INSERT INTO environments (id, name, draft, demo, revision, created_at, updated_at) VALUES (@id, @name, @draft, @demo, @revision, @createdAt, @updatedAt)',
        )
        .run(values(environment));
    },
    update(environment) {
      store
        .prepare('UPDATE environments SET name = @name, draft = @draft, revision = @revision, updated_at = @updatedAt WHERE id = @id')
        .run(values(environment));
    },
    remove(id) {
      store.prepare('DELETE FROM environments WHERE id = ?').run(id);
    },
  };
}

/** What a person set on an environment. */
export function draftOf({ name, tier, ssh, stack, inputs, notes }: EnvironmentDraft): EnvironmentDraft {
  return { name, tier, ssh, stack, inputs, notes };
}

/** Whether two names are one name to a person. */
export function sameName(a: string, b: string): boolean {
  return folded(a) === folded(b);
}

function folded(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}

function environmentOf({ id, name, draft, demo, revision, created_at, updated_at }: Row): Environment {
  return { ...(JSON.parse(draft) as EnvironmentDraft), name, id, demo: demo === 1, revision, createdAt: created_at, updatedAt: updated_at };
}
