import { createHash } from 'node:crypto';
import type { ActionContext, Facts } from '../../../engine/action.ts';
import { look } from '../job.ts';
import type { RecoveryInput } from './input.ts';
import { recoveredLook } from './recover-scripts.ts';
import type { Micros } from './time.ts';
import { parseInstant } from './time.ts';

/**
 * Name of the recovered server of a step. Every try of the same step has the same one, so that the next try and the probe find what an
 * earlier one left.
 */
export function keyOf(context: Pick<ActionContext, 'stepKey'>): string {
  const step = context.stepKey.replace(/-(undo)?\d+$/, '');
  return `r${createHash('sha256').update(step).digest('hex').slice(0, 8)}`;
}

type Place = Pick<RecoveryInput, 'os_user' | 'bin_dir' | 'pg_user' | 'recovery_root' | 'archive_dir'>;

/** The first arguments of every script about a recovered server. */
export const recoveredArgs = (input: Place, key: string): string[] => [
  input.os_user,
  input.bin_dir,
  input.pg_user,
  input.recovery_root,
  key,
  input.archive_dir,
];

/** What was seen of a recovered server. */
export interface Recovered {
  /** What `current` says, absent when there is none. */
  readonly current:
    | { readonly key: string; readonly target: string; readonly state: string; readonly replayed: string; readonly facts: Facts }
    | undefined;
  readonly folder: boolean;
  readonly data: boolean;
  readonly promoting: boolean;
  readonly alive: boolean;
  /** It answers, and stands at its target. */
  readonly atTarget: boolean;
  readonly facts: Facts;
}

/** Looks at the recovered server `key`, or at the one there is. @throws Problem when it could not be looked at */
export async function lookAtRecovered(context: ActionContext, input: Place, key = ''): Promise<Recovered> {
  const { facts } = await look(await context.session(), { script: recoveredLook, args: recoveredArgs(input, key) }, { timeoutMs: 60_000 });
  const said = (name: string) => facts[name] ?? '';
  const current =
    said('current_key') === ''
      ? undefined
      : {
          key: said('current_key'),
          target: said('current_target'),
          state: said('current_state'),
          replayed: said('current_replayed'),
          facts: Object.fromEntries(
            Object.entries(facts).flatMap(([name, value]) => (name.startsWith('current_') ? [[name.slice(8), value]] : [])),
          ),
        };
  return {
    current,
    folder: said('folder') === 'yes',
    data: said('data') === 'yes',
    promoting: said('promoting') === 'yes',
    alive: said('alive') === 'yes',
    atTarget: said('state') === 'paused' && said('stopped_at') !== '',
    facts,
  };
}

/** Why what was replayed is not what was asked for; undefined when it stopped at or before the target. */
export function pastTarget(replayed: string, target: Micros): string | undefined {
  if (replayed === '') return undefined;
  const at = parseInstant(replayed);
  if (at === undefined) return `the time of its last transaction can’t be read (${replayed})`;
  return at <= target ? undefined : `its last transaction is of ${replayed}, after the target`;
}
