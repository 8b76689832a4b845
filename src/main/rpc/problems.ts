import { randomBytes } from 'node:crypto';
import { ORPCError, ValidationError } from '@orpc/server';
import { Problem, ProblemData } from '../../contract/problem.ts';

/** The host's log, as far as calls need it. Fields never hold inputs or outputs: they may carry secrets. */
export interface RpcLog {
  error(message: string, fields?: Record<string, unknown>): void;
}

/** One broken rule of a schema. */
type Issue = ValidationError['issues'][number];

const MAX_ISSUES = 5;

function pathOf(issue: Issue): string {
  return (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
}

function inWords(issues: readonly Issue[]): string {
  const shown = issues.slice(0, MAX_ISSUES).map((issue) => (pathOf(issue) ? `"${pathOf(issue)}": ${issue.message}` : issue.message));
  const more = issues.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

function badInput(call: string, issues: readonly Issue[]): Problem {
  return new Problem('bad-input', `${call} was not given what it needs. ${inWords(issues)}`.slice(0, 2000), {
    detail: { issues: issues.slice(0, MAX_ISSUES).map((issue) => ({ path: pathOf(issue), reason: issue.message })) },
  });
}

/** Keeps a problem within what the contract lets through, so that a long message can't turn into an internal error. */
function fitting(problem: Problem): Problem | undefined {
  if (ProblemData.safeParse(problem.data).success) return problem;
  const { code, message, hint, retryable } = problem.data;
  const cut = { code, message: message.slice(0, 2000), retryable, ...(hint === undefined ? {} : { hint: hint.slice(0, 2000) }) };
  return ProblemData.safeParse(cut).success ? Problem.from(cut) : undefined;
}

/**
 * What a caller is told about something thrown by a call: a `Problem` as it is, refused input as `bad-input`, the end of a
 * cancelled call as `cancelled`, and anything else as `internal-error` with a reference under which the log has the stack.
 */
export function toProblem(error: unknown, about: { call: string; log: RpcLog; signal?: AbortSignal | undefined }): Problem {
  if (error instanceof Problem) {
    const problem = fitting(error);
    if (problem !== undefined) return problem;
  }
  if (error instanceof ORPCError && error.code === 'BAD_REQUEST' && error.cause instanceof ValidationError) {
    return badInput(about.call, error.cause.issues);
  }
  if (about.signal?.aborted === true && isAbort(error, about.signal)) return cancelled(about.call);
  return internal(error, about);
}

/** The problem of a call that its caller ended. */
export function cancelled(call: string): Problem {
  return new Problem('cancelled', `${call} was cancelled.`);
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

function internal(error: unknown, { call, log }: { call: string; log: RpcLog }): Problem {
  const reference = randomBytes(4).toString('hex');
  // A schema's complaint names places, never values; the value itself may be a secret and stays out of the log.
  const cause = error instanceof ORPCError && error.cause instanceof ValidationError ? error.cause : undefined;
  const what = cause === undefined ? traceOf(error) : `${cause.message}: ${inWords(cause.issues)}`;
  log.error('call failed', { reference, call, error: what });
  return new Problem('internal-error', `Something went wrong inside Quarterdeck during ${call} (reference ${reference}).`, {
    hint: 'The log has the details under this reference.',
    detail: { reference },
  });
}

/** The stack. A parser's message quotes what it could not read, which may be anything: of that only the places are kept. */
function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${typeof error}`;
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  return error instanceof SyntaxError ? `SyntaxError${stack.slice(stack.indexOf('\n    at '))}` : stack;
}

/** The wire form: the problem's code, with the whole problem as data. */
export function toWire(problem: Problem): ORPCError<string, ProblemData> {
  return new ORPCError(problem.code, { message: problem.message, data: problem.data });
}
