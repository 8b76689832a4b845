import type { ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import { cleanText } from '../text.ts';
import type { SshHop } from './types.ts';

/** How a hop is called in messages: `jump host 1 (user@host:port)` or `user@host:port`. */
export function hopName(hop: SshHop, index: number, jumps: number): string {
  const name = cleanText(`${hop.user}@${hop.host}:${hop.port}`, { maxLength: 300 });
  return index < jumps ? `jump host ${index + 1} (${name})` : name;
}

/** The message of anything thrown, cleaned and capped. */
export function reasonOf(error: unknown): string {
  return cleanText(error instanceof Error ? error.message : String(error), { maxLength: 300 });
}

const networkWords: Record<string, string> = {
  ECONNREFUSED: 'nothing listens on that port',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'the network is not reachable',
  ENETDOWN: 'the network is down',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  ECONNRESET: 'the connection was reset',
  ETIMEDOUT: 'it did not answer',
  EPIPE: 'the connection was closed',
};

/** A network error in words. */
export function networkReason(error: unknown): string {
  // Happy eyeballs reports one error per address.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const code = (first as NodeJS.ErrnoException | undefined)?.code;
  return (code === undefined ? undefined : networkWords[code]) ?? reasonOf(first);
}

/** Why a connection ended, in words; recorded at the first sign, because later ones are echoes of it. */
export function lostProblem(where: string, why: string): ProblemData {
  return new Problem('ssh-connection-lost', `The SSH connection to ${where} was lost: ${why}.`, {
    retryable: true,
    hint: 'Whether work that was under way has finished is not known. Connect again and look.',
  }).data;
}

/** The problem of a wait that was aborted by its caller. */
export function cancelled(what: string): Problem {
  return new Problem('cancelled', `${what} was cancelled.`);
}
