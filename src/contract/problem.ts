import { z } from 'zod';

/**
 * Every problem a caller can meet, as a closed list: a screen or script may switch on it. A new code is added here
 * and nowhere else. `internal-error` is the only one whose cause is not told to the caller (a log reference is).
 */
export const problemCodes = [
  // input and policy
  'bad-input',
  'not-found',
  'conflict',
  'not-supported',
  'policy-refused',
  'confirmation-required',
  'confirmation-wrong',
  'plan-stale',
  'preflight-blocked',
  // connection
  'ssh-unreachable',
  'ssh-timeout',
  'ssh-auth-failed',
  'ssh-auth-needed',
  'ssh-protocol-error',
  'ssh-connection-lost',
  'ssh-channel-refused',
  'host-key-unknown',
  'host-key-changed',
  'host-key-revoked',
  'host-key-unsupported',
  'key-file-unreadable',
  'not-connected',
  // remote work
  'remote-command-failed',
  'remote-file-missing',
  'remote-permission-denied',
  'remote-disk-full',
  'local-disk-full',
  'integrity-mismatch',
  'outcome-unknown',
  'timed-out',
  'cancelled',
  // http
  'http-unreachable',
  'http-unexpected',
  'http-unauthorised',
  'http-rate-limited',
  // engine
  'host-locked',
  'run-not-resumable',
  'run-busy',
  'step-failed',
  'verification-failed',
  'journal-broken',
  'journal-unwritable',
  'stack-invalid',
  // secrets
  'keychain-unavailable',
  'keychain-locked',
  'secret-missing',
  // transport
  'unauthenticated',
  'stream-overrun',
  'internal-error',
] as const;

/** One of {@link problemCodes}. */
export const ProblemCode = z.enum(problemCodes);
export type ProblemCode = z.infer<typeof ProblemCode>;

/** What crosses the boundary when something went wrong: what happened, to what, and what to do next. Never a stack, never a secret. */
export const ProblemData = z.strictObject({
  code: ProblemCode,
  /** What happened, and to what; one sentence a tired engineer understands. */
  message: z.string().max(2000),
  /** What to do next. */
  hint: z.string().max(2000).optional(),
  /** True only when the same call may succeed later without any change by the user. */
  retryable: z.boolean(),
  /** Structured facts for the screen (fingerprints, line numbers, byte counts). JSON values only. */
  detail: z.record(z.string(), z.json()).optional(),
});
export type ProblemData = z.infer<typeof ProblemData>;

/** A {@link ProblemData} that can be thrown. Everything the host throws on purpose is one of these. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly data: ProblemData;

  constructor(
    code: ProblemCode,
    message: string,
    options: { hint?: string; retryable?: boolean; detail?: NonNullable<ProblemData['detail']>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.data = {
      code,
      message,
      retryable: options.retryable ?? false,
      ...(options.hint === undefined ? {} : { hint: options.hint }),
      ...(options.detail === undefined ? {} : { detail: options.detail }),
    };
  }

  /** The problem's code, for `switch`. */
  get code(): ProblemCode {
    return this.data.code;
  }

  /** Rebuilds a thrown problem from its wire form. */
  static from(data: ProblemData): Problem {
    const { code, message, ...rest } = data;
    return new Problem(code, message, rest as ConstructorParameters<typeof Problem>[2]);
  }
}
