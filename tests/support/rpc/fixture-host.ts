import { implement } from '@orpc/server';
import { Problem } from '../../../src/contract/problem.ts';
import type { HostContext } from '../../../src/main/rpc/context.ts';
import type { Feed } from '../../../src/main/rpc/feed.ts';
import { createFeed } from '../../../src/main/rpc/feed.ts';
import type { RpcLog } from '../../../src/main/rpc/problems.ts';
import type { FeedItem } from './fixture-contract.ts';
import { fixtureContract } from './fixture-contract.ts';

/** What happens inside the fixture's handlers, for tests to look at. */
export interface FixtureHost {
  readonly router: ReturnType<typeof fixtureRouter>;
  readonly log: RpcLog & { readonly lines: { message: string; fields: Record<string, unknown> }[] };
  readonly feeds: Map<string, Feed<FeedItem>>;
  /** Names of hanging calls, and those whose signal aborted. */
  readonly hanging: Map<string, () => void>;
  readonly aborted: Set<string>;
  /** How many items of a flood were made. */
  readonly made: Map<string, number>;
  /** Streams begun and not yet cleaned up. */
  live: number;
  close(): Promise<void>;
}

/** A host with {@link fixtureContract}. */
export function createFixtureHost(): FixtureHost {
  const lines: { message: string; fields: Record<string, unknown> }[] = [];
  const host: Omit<FixtureHost, 'router'> = {
    log: { lines, error: (message, fields = {}) => void lines.push({ message, fields }) },
    feeds: new Map(),
    hanging: new Map(),
    aborted: new Set(),
    made: new Map(),
    live: 0,
    close: async () => undefined,
  };
  return Object.assign(host, { router: fixtureRouter(host) });
}

function fixtureRouter(host: Omit<FixtureHost, 'router'>) {
  const os = implement(fixtureContract).$context<HostContext>();
  return os.router({
    calls: {
      add: os.calls.add.handler(({ input }) => ({ sum: input.a + input.b })),
      echo: os.calls.echo.handler(({ input }) => ({ text: input.text })),
      lie: os.calls.lie.handler(() => ({ honest: 'the secret is hunter2' }) as unknown as { honest: boolean }),
      refuse: os.calls.refuse.handler(() => {
        throw new Problem('host-locked', 'Ada holds the lock on web-1.', { hint: 'Ask Ada.', detail: { operator: 'ada' } });
      }),
      crash: os.calls.crash.handler(() => {
        throw new TypeError('undefined is not a function at /srv/private');
      }),
      hang: os.calls.hang.handler(
        ({ input, signal }) =>
          new Promise((resolve, reject) => {
            host.hanging.set(input.name, () => resolve(input));
            signal?.addEventListener('abort', () => {
              host.aborted.add(input.name);
              reject(signal.reason as Error);
            });
          }),
      ),
    },
    streams: {
      count: os.streams.count.handler(async function* ({ input }) {
        for (let n = 1; n <= input.to; n += 1) yield n;
      }),
      lie: os.streams.lie.handler(async function* () {
        host.live += 1;
        try {
          yield { n: 1 };
          yield { n: 'two' } as unknown as { n: number };
          yield { n: 3 };
        } finally {
          host.live -= 1;
        }
      }),
      refuse: os.streams.refuse.handler(async function* ({ input }) {
        for (let n = 1; n <= input.after; n += 1) yield n;
        throw new Problem('ssh-connection-lost', 'web-1 hung up.', { retryable: true });
      }),
      feed: os.streams.feed.handler(({ input, signal }) => {
        host.live += 1;
        const feed = createFeed<FeedItem>({
          capacity: input.capacity,
          signal,
          weight: (item) => (item.kind === 'numbers' ? item.numbers.length : 0),
          coalesce: (waiting, next) =>
            waiting.kind === 'numbers' && next.kind === 'numbers' && waiting.numbers.length < 100
              ? { kind: 'numbers', numbers: [...waiting.numbers, ...next.numbers] }
              : undefined,
          onDrop: (count) => ({ kind: 'dropped', count }),
          onClose: () => {
            host.live -= 1;
          },
        });
        host.feeds.set(input.name, feed);
        return feed;
      }),
      flood: os.streams.flood.handler(async function* ({ input, signal }) {
        host.live += 1;
        try {
          for (let n = 1; signal?.aborted !== true; n += 1) {
            host.made.set(input.name, n);
            yield { n, text: 'x'.repeat(input.size) };
          }
        } finally {
          host.live -= 1;
        }
      }),
      stuck: os.streams.stuck.handler(async function* ({ input, signal }) {
        yield 1;
        signal?.addEventListener('abort', () => host.aborted.add(input.name));
        await new Promise(() => undefined);
      }),
    },
  });
}
