import { Problem } from '../../contract/problem.ts';

/**
 * `work`, or a Problem `timed-out` after `ms`. The time limit of a remote command begins when its channel is open; over a
 * connection that has gone silent that may never be.
 */
export async function within<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Problem('timed-out', `${what}: no answer within ${ms} ms.`, { retryable: true })), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
