import type { HealthState } from '../../contract/health.ts';
import type { Problem, ProblemCode } from '../../contract/problem.ts';
import type { RunState } from '../../contract/runs.ts';

/** 0 done/healthy, 1 failed/unhealthy, 2 usage, 3 unknown/unobserved. */
export const exitCodes = { done: 0, failed: 1, usage: 2, unknown: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command early with a code of its own, its words already printed. */
export class ExitWith extends Error {
  readonly code: ExitCode;
  constructor(code: ExitCode) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Degraded is not healthy: a script must see it. */
export function exitOfHealth(state: HealthState): ExitCode {
  if (state === 'healthy') return exitCodes.done;
  return state === 'unobserved' || state === 'unknown' ? exitCodes.unknown : exitCodes.failed;
}

/** How a finished run is told to a script. */
export function exitOfRun(state: RunState): ExitCode {
  if (state === 'succeeded' || state === 'reverted') return exitCodes.done;
  return state === 'unknown' || state === 'interrupted' ? exitCodes.unknown : exitCodes.failed;
}

const unobserved: ReadonlySet<ProblemCode> = new Set([
  'cancelled',
  'outcome-unknown',
  'ssh-unreachable',
  'ssh-timeout',
  'ssh-connection-lost',
  'not-connected',
  'timed-out',
]);
const usage: ReadonlySet<ProblemCode> = new Set(['bad-input', 'confirmation-required', 'confirmation-wrong']);

/** A problem's exit code: what was not seen is 3, a wrong call is 2, the rest is 1. */
export function exitOfProblem(problem: Problem): ExitCode {
  if (unobserved.has(problem.code)) return exitCodes.unknown;
  return usage.has(problem.code) ? exitCodes.usage : exitCodes.failed;
}
