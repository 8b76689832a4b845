import type { ProblemData } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';

/** What the screens show of anything thrown. Calls throw problems; anything else is a fault of this window. */
export function problemOf(error: unknown): ProblemData {
  if (error instanceof Problem) return error.data;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal-error', message: `Something went wrong in this window: ${message}`.slice(0, 2000), retryable: false };
}

/** True for the end of a call that this window ended itself: nothing to show. */
export function isCancelled(problem: ProblemData): boolean {
  return problem.code === 'cancelled';
}

/** Problems of single fields by path, as `bad-input` carries them. */
export function fieldProblems(problem: ProblemData | undefined): Record<string, string> {
  const issues = problem?.detail?.['issues'];
  const byPath: Record<string, string> = {};
  if (!Array.isArray(issues)) return byPath;
  for (const issue of issues) {
    if (typeof issue !== 'object' || issue === null || Array.isArray(issue)) continue;
    const { path, reason } = issue;
    if (typeof path === 'string' && typeof reason === 'string') byPath[path] ??= reason;
  }
  return byPath;
}
