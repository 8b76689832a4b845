import type { ConnectionState } from '../../contract/connections.ts';
import { Problem } from '../../contract/problem.ts';
import { notConnected } from './connection.ts';

/** The pasted fingerprint is not the one presented. */
export function otherFingerprint(pasted: string, offered: string): Problem {
  return new Problem('confirmation-wrong', `The host presents ${offered}, not ${pasted}. Nothing was trusted.`, {
    hint: 'Compare both with a trusted source. If they differ for no known reason, somebody may be intercepting the connection.',
    detail: { pasted, offered },
  });
}

/** A changed or revoked key is never accepted by pasting. */
export function alreadyDecided(state: ConnectionState): Problem {
  const { data } = notConnected(state);
  const hint =
    state.hostKey?.verdict === 'revoked'
      ? data.hint
      : 'Find out why it changed. If the new key is right, forget the old one first (in the app, or the line in known_hosts that is named), then trust the new one.';
  return Problem.from({ ...data, ...(hint === undefined ? {} : { hint }) });
}

/** Answers without a question. */
export function nothingAsked(): Problem {
  return new Problem('conflict', 'The host asks nothing (any more).', { hint: 'Connect again; it will ask if it needs to.' });
}

/** Not one answer per question. */
export function wrongCount(given: number, asked: number): Problem {
  return new Problem('bad-input', `${given} answers were given to ${asked} questions.`, {
    detail: { issues: [{ path: 'answers', reason: `must be ${asked}` }] },
  });
}
