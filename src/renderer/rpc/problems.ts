import { ORPCError } from '@orpc/client';
import { Problem, ProblemData } from '../../contract/problem.ts';

/** The problem of a call or stream whose caller ended it. */
export function cancelled(call: string): Problem {
  return new Problem('cancelled', `${call} was cancelled.`);
}

/** The problem of something that could not be sent, or of a stream that broke off: nothing is unclear, it may be tried again. */
export function notConnected(): Problem {
  return new Problem('not-connected', 'The connection to the Quarterdeck host is lost.', {
    retryable: true,
    hint: 'It reconnects by itself. If it does not, look at the terminal where Quarterdeck was started.',
  });
}

/** The problem of a call that was sent and whose answer never came. */
export function outcomeUnknown(call: string): Problem {
  return new Problem(
    'outcome-unknown',
    `The connection to the Quarterdeck host was lost before it answered ${call}. It may or may not have been done.`,
    {
      hint: 'Look at the state of things before doing it again; the journal shows what was begun.',
    },
  );
}

/** The problem of a page that has no session with its host. */
export function needsToken(): Problem {
  return new Problem('unauthenticated', 'This page has no session with the Quarterdeck host.', {
    hint: 'Start Quarterdeck again and open the address it prints.',
  });
}

/** Turns what the wire delivered back into the problem the host threw. */
export function fromWire(error: unknown, call: string): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ORPCError) {
    const data = ProblemData.safeParse(error.data);
    if (data.success) return Problem.from(data.data);
    if (error.code === 'NOT_FOUND') {
      return new Problem('not-supported', `The host does not know ${call}: window and host are of different versions.`, {
        hint: 'Reload the window.',
      });
    }
    if (error.code === 'BAD_REQUEST') return new Problem('bad-input', `The host could not read what it was sent with ${call}.`);
  }
  return new Problem('internal-error', `The host's answer to ${call} could not be read.`, { cause: error });
}
