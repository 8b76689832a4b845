import { Problem } from '../../contract/problem.ts';
import type { Plan, RunState, Said } from '../../contract/runs.ts';
import type { Store } from '../store/store.ts';
import type { Direction, Owner, Recipe, RunRecord, StepRecord, StoredPlan } from './types.ts';

interface RunRow {
  id: string;
  plan_id: string;
  environment_id: string;
  state: string;
  direction: string;
  operator: string;
  summary: string;
  owner: string;
  fence: string | null;
  cancel_requested: number;
  pause_requested: number;
  started_at: number;
  ended_at: number | null;
}

const fromRow = (row: RunRow): RunRecord => ({
  id: row.id,
  planId: row.plan_id,
  environmentId: row.environment_id,
  state: row.state as RunState,
  direction: row.direction as Direction,
  operator: row.operator,
  summary: row.summary,
  owner: JSON.parse(row.owner) as Owner,
  fence: row.fence,
  cancelRequested: row.cancel_requested === 1,
  pauseRequested: row.pause_requested === 1,
  startedAt: row.started_at,
  endedAt: row.ended_at,
});

const isStoreError = (error: unknown): error is Error & { code: string } =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_');

/** Changes of a run; what is left out stays. */
export type RunPatch = Partial<
  Pick<RunRecord, 'state' | 'direction' | 'summary' | 'owner' | 'fence' | 'cancelRequested' | 'pauseRequested' | 'endedAt'>
>;

/** Plans, runs and steps in the store. Every write is durable when it returns. */
export function createRunStore(store: Store) {
  const run = store.prepare<[string], RunRow>('SELECT * FROM runs WHERE id = ?');
  const steps = store.prepare<[string], { record: string }>('SELECT record FROM run_steps WHERE run_id = ? ORDER BY position');
  const insertPlan = store.prepare('INSERT INTO plans (id, hash, plan, recipe, created_at) VALUES (?, ?, ?, ?, ?)');
  const insertRun = store.prepare(`INSERT INTO runs (id, plan_id, environment_id, state, direction, operator, summary, owner, started_at)
    VALUES (@id, @planId, @environmentId, @state, @direction, @operator, @summary, @owner, @startedAt)`);
  const saveStep = store.prepare(`INSERT INTO run_steps (run_id, step_id, position, record) VALUES (?, ?, ?, ?)
    ON CONFLICT (run_id, step_id) DO UPDATE SET record = excluded.record`);
  const said = store.prepare<[string], { step_id: string; said: string }>('SELECT step_id, said FROM run_output WHERE run_id = ?');
  const saveSaid = store.prepare(`INSERT INTO run_output (run_id, step_id, said) VALUES (?, ?, ?)
    ON CONFLICT (run_id, step_id) DO UPDATE SET said = excluded.said`);
  const dropSaid = store.prepare('DELETE FROM run_output WHERE run_id = ? AND step_id = ?');
  const update = store.prepare(`UPDATE runs SET state = @state, direction = @direction, summary = @summary, owner = @owner, fence = @fence,
    cancel_requested = @cancelRequested, pause_requested = @pauseRequested, ended_at = @endedAt WHERE id = @id`);

  const api = {
    /** Runs several writes, the journal's among them, as one. @throws Problem `journal-unwritable`: then none of them was done */
    transaction<T>(work: () => T): T {
      try {
        return store.transaction(work).immediate();
      } catch (cause) {
        if (!isStoreError(cause)) throw cause;
        throw new Problem(
          'journal-unwritable',
          `What is about to be done could not be written down (${cause.message}), so it was not done.`,
          {
            hint: 'Make room on this machine and check the permissions of the data folder, then try again.',
            retryable: true,
            cause,
          },
        );
      }
    },

    savePlan({ plan, recipe }: StoredPlan): void {
      api.transaction(() => insertPlan.run(plan.id, plan.hash, JSON.stringify(plan), JSON.stringify(recipe), plan.createdAt));
    },
    /** @throws Problem `not-found` */
    plan(id: string): StoredPlan {
      const row = store.prepare<[string], { plan: string; recipe: string }>('SELECT plan, recipe FROM plans WHERE id = ?').get(id);
      if (row === undefined) throw new Problem('not-found', 'There is no such plan.', { hint: 'Make the plan again.' });
      return { plan: JSON.parse(row.plan) as Plan, recipe: JSON.parse(row.recipe) as Recipe };
    },

    insert(record: RunRecord, first: readonly StepRecord[]): void {
      insertRun.run({ ...record, owner: JSON.stringify(record.owner) });
      for (const [position, step] of first.entries()) saveStep.run(record.id, step.view.id, position, JSON.stringify(step));
    },
    find(id: string): RunRecord | undefined {
      const row = run.get(id);
      return row === undefined ? undefined : fromRow(row);
    },
    /** @throws Problem `not-found` */
    get(id: string): RunRecord {
      const record = api.find(id);
      if (record === undefined) throw new Problem('not-found', 'There is no such run.');
      return record;
    },
    steps: (runId: string): StepRecord[] => steps.all(runId).map(({ record }) => JSON.parse(record) as StepRecord),
    saveStep(runId: string, position: number, step: StepRecord): void {
      saveStep.run(runId, step.view.id, position, JSON.stringify(step));
    },
    /** What was said in a run's steps, by step; kept apart from the steps so that lists need not read it. */
    said: (runId: string): ReadonlyMap<string, Said> => new Map(said.all(runId).map((row) => [row.step_id, JSON.parse(row.said) as Said])),
    /** What the last try said; null: nothing, and what an earlier try said is not its own. */
    saveSaid(runId: string, stepId: string, text: Said | null): void {
      if (text === null) dropSaid.run(runId, stepId);
      else saveSaid.run(runId, stepId, JSON.stringify(text));
    },
    patch(id: string, patch: RunPatch): RunRecord {
      const next = { ...api.get(id), ...patch };
      update.run({
        ...next,
        owner: JSON.stringify(next.owner),
        cancelRequested: next.cancelRequested ? 1 : 0,
        pauseRequested: next.pauseRequested ? 1 : 0,
      });
      return next;
    },
    list(environmentId: string | undefined, limit: number): RunRecord[] {
      return store
        .prepare<[{ environmentId: string | null; limit: number }], RunRow>(
          'SELECT * FROM runs WHERE @environmentId IS NULL OR environment_id = @environmentId ORDER BY started_at DESC, id DESC LIMIT @limit',
        )
        .all({ environmentId: environmentId ?? null, limit })
        .map(fromRow);
    },
    /** Runs of rehearsals, newest first. */
    rehearsals(environmentId: string, limit: number): RunRecord[] {
      return store
        .prepare<[string, number], RunRow>(
          `SELECT runs.* FROM runs JOIN plans ON plans.id = runs.plan_id
           WHERE runs.environment_id = ? AND json_extract(plans.plan, '$.rehearsal') IS NOT NULL ORDER BY started_at DESC, runs.id DESC LIMIT ?`,
        )
        .all(environmentId, limit)
        .map(fromRow);
    },
    /** Runs that some process says it is driving. */
    driven: (): RunRecord[] => store.prepare<[], RunRow>("SELECT * FROM runs WHERE state IN ('running', 'reverting')").all().map(fromRow),
  };
  return api;
}

/** See {@link createRunStore}. */
export type RunStore = ReturnType<typeof createRunStore>;
