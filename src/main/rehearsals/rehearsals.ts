import { formatDuration } from '../../contract/duration.ts';
import type { Environment } from '../../contract/environments.ts';
import type { AlertView } from '../../contract/health.ts';
import type { Rehearsal, RehearsalList, RehearsalState } from '../../contract/rehearsals.ts';
import type { StackDefinition } from '../stacks/schema.ts';

/** What the rehearsals service is made of. */
export interface RehearsalsOptions {
  readonly environments: { find(id: string): Environment | undefined };
  readonly stacks: { find(id: string): { readonly definition: StackDefinition } | undefined };
  /** Rehearsals that are over, as measured by the engine, newest first. */
  readonly runs: { rehearsals(environmentId: string, limit: number): Rehearsal[] };
  readonly clock: () => number;
}

/** The ledger of rehearsed restores: read from the runs themselves, so that there is no second truth. */
export interface Rehearsals {
  list(input: { environmentId: string }): RehearsalList;
  /** An alarm for each rehearsal that is stale, was never done, or went wrong when it was last done. */
  alerts(environmentId: string): AlertView[];
}

/** Rows of the ledger that are shown. */
const LEDGER_ROWS = 200;

/** Makes the service. It stores nothing. */
export function createRehearsals({ environments, stacks, runs, clock }: RehearsalsOptions): Rehearsals {
  const declared = (environmentId: string) => {
    const stack = environments.find(environmentId)?.stack;
    return (
      (stack === undefined ? undefined : stacks.find(stack))?.definition.runbooks.filter(({ rehearsal }) => rehearsal !== undefined) ?? []
    );
  };

  function list({ environmentId }: { environmentId: string }): RehearsalList {
    const at = clock();
    const runbooks = declared(environmentId);
    const ledger = runs.rehearsals(environmentId, LEDGER_ROWS);
    return {
      at,
      ledger,
      states: runbooks.map(({ id, title, rehearsal }) =>
        stateOf({ runbook: id, title, of: rehearsal?.of ?? id, everyMs: rehearsal?.every ?? 0 }, ledger, at),
      ),
    };
  }

  return {
    list,
    alerts(environmentId) {
      const madeAt = environments.find(environmentId)?.createdAt ?? clock();
      return list({ environmentId }).states.map((state) => alarmOf(state, madeAt));
    },
  };
}

const worked = ({ verdict }: Rehearsal) => verdict === 'met' || verdict === 'missed';

function stateOf(
  what: Pick<RehearsalState, 'runbook' | 'title' | 'of' | 'everyMs'>,
  ledger: readonly Rehearsal[],
  now: number,
): RehearsalState {
  const rows = ledger.filter(({ runbook }) => runbook === what.runbook);
  const good = rows.find(worked);
  const dueAt = good === undefined ? null : good.startedAt + what.everyMs;
  return {
    ...what,
    state: dueAt === null ? 'never' : dueAt < now ? 'stale' : 'fresh',
    lastGoodAt: good?.startedAt ?? null,
    dueAt,
    last: rows[0] ?? null,
  };
}

function alarmOf({ runbook, title, state, everyMs, dueAt, last }: RehearsalState, madeAt: number): AlertView {
  const bad = last !== null && last.verdict !== 'met';
  const firing = state !== 'fresh' || bad;
  const detail =
    state === 'never'
      ? 'It was never done from this laptop: nobody knows here whether the restore works.'
      : state === 'stale'
        ? `The last good one is older than ${formatDuration(everyMs)}.`
        : bad
          ? `The last one did not come out well: ${last.detail}`
          : (last?.detail ?? '');
  return {
    id: `rehearsal-${runbook}`.slice(0, 64),
    title: `Rehearsal: ${title}`,
    severity: 'warning',
    state: firing ? 'firing' : 'ok',
    since: (state === 'stale' ? dueAt : last?.startedAt) ?? madeAt,
    detail: detail.slice(0, 2000),
  };
}
