import type { SshSession } from '../drivers/ssh/types.ts';

/** The round trip to a host, looked at now and then. */
export interface Latency {
  /** Milliseconds of the last look; undefined before the first. */
  readonly ms: number | undefined;
  start(session: SshSession): void;
  stop(): void;
}

/**
 * Measures how long the smallest command takes, at once and every `everyMs`. It includes the start of a shell, which is
 * what every action pays, too. A look that fails says nothing: losing the connection is the keepalive's business.
 */
export function createLatency(everyMs: number, changed: () => void): Latency {
  let ms: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let watched: SshSession | undefined;
  const look = async (session: SshSession): Promise<void> => {
    try {
      const outcome = await session.exec({ script: ':' }, { timeoutMs: 10_000, maxBytes: 1024 });
      if (watched !== session || outcome.outcome !== 'done') return;
      ms = Math.round(outcome.durationMs * 10) / 10;
      changed();
    } catch {
      // It could not be started; see above.
    } finally {
      if (watched === session) {
        timer = setTimeout(() => void look(session), everyMs);
        timer.unref();
      }
    }
  };
  return {
    get ms() {
      return ms;
    },
    start(session) {
      if (watched === session) return;
      watched = session;
      ms = undefined;
      void look(session);
    },
    stop() {
      clearTimeout(timer);
      watched = undefined;
      ms = undefined;
    },
  };
}
