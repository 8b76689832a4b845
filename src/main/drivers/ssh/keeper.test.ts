import { describe, expect, it } from 'vitest';
import type { ProblemCode, ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import { backOffMs } from './back-off.ts';
import type { KeeperClock } from './clock.ts';
import type { KeeperState } from './keeper.ts';
import { createConnectionKeeper } from './keeper.ts';
import type { SshSession } from './types.ts';

function fakeClock(): KeeperClock & { advance(ms: number): Promise<void>; sleep(ms: number): Promise<void>; readonly timers: number } {
  let mono = 0;
  let wall = 1_700_000_000_000;
  let timers: { at: number; run: () => void }[] = [];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const fire = async (): Promise<void> => {
    for (let due = timers.filter((one) => one.at <= mono); due.length > 0; due = timers.filter((one) => one.at <= mono)) {
      timers = timers.filter((one) => one.at > mono);
      for (const one of due) one.run();
      await settle();
    }
  };
  return {
    now: () => wall,
    monotonic: () => mono,
    after: (ms, run) => {
      const timer = { at: mono + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    get timers() {
      return timers.length;
    },
    async advance(ms) {
      for (let left = ms; left > 0; left -= 100) {
        mono += Math.min(100, left);
        wall += Math.min(100, left);
        await fire();
      }
      await settle();
    },
    async sleep(ms) {
      wall += ms;
      await settle();
    },
  };
}

function fakeSession(alive = true): { session: SshSession; lose(problem?: ProblemData): void; closes: number } {
  let lose: (problem?: ProblemData) => void = () => undefined;
  const closed = new Promise<ProblemData | undefined>((resolve) => {
    lose = resolve;
  });
  const self = {
    closes: 0,
    lose: (problem?: ProblemData) => lose(problem),
    session: {
      closed,
      exec: async () => (alive ? { outcome: 'done' } : { outcome: 'unknown' }),
      close: async () => {
        self.closes++;
        lose(undefined);
      },
    } as unknown as SshSession,
  };
  return self;
}

function setUp(answers: (() => Promise<SshSession>)[]) {
  const clock = fakeClock();
  const states: KeeperState[] = [];
  let opens = 0;
  const keeper = createConnectionKeeper({
    clock,
    random: () => 0.5,
    onState: (state) => states.push(state),
    open: () => (answers[Math.min(opens++, answers.length - 1)] as () => Promise<SshSession>)(),
  });
  return { clock, states, keeper, opens: () => opens };
}
const refuse = (code: ProblemCode) => () => Promise.reject(new Problem(code, code, { retryable: true }));

describe('createConnectionKeeper', () => {
  it('connects, gives the session and ends it', async () => {
    const fake = fakeSession();
    const { keeper, states, clock } = setUp([async () => fake.session]);
    expect(() => keeper.session()).toThrow(expect.objectContaining({ code: 'not-connected' }));
    expect((await keeper.connect()).phase).toBe('connected');
    expect(keeper.session()).toBe(fake.session);
    expect((await keeper.disconnect()).phase).toBe('disconnected');
    expect(fake.closes).toBe(1);
    expect(states.map((state) => state.phase)).toEqual(['connecting', 'connected', 'disconnected']);
    expect(clock.timers).toBe(0);
  });

  it('retries with growing waits and recovers', async () => {
    const fake = fakeSession();
    const { keeper, clock, states, opens } = setUp([
      refuse('ssh-unreachable'),
      refuse('ssh-timeout'),
      refuse('ssh-unreachable'),
      async () => fake.session,
    ]);
    const first = await keeper.connect();
    expect(first).toMatchObject({
      phase: 'waiting-to-retry',
      attempt: 1,
      retryAt: clock.now() + 1500,
      problem: { code: 'ssh-unreachable' },
    });
    const waiting = keeper.whenConnected();
    await clock.advance(1499);
    expect(opens()).toBe(1);
    await clock.advance(20_000);
    expect(await waiting).toBe(fake.session);
    expect(states.filter((state) => state.phase === 'waiting-to-retry').map((state) => state.attempt)).toEqual([1, 2, 3]);
    expect(keeper.state).toMatchObject({ phase: 'connected', attempt: 0 });
    await keeper.close();
  });

  it('connects again after a loss', async () => {
    const [one, two] = [fakeSession(), fakeSession()];
    const { keeper, clock } = setUp([async () => one.session, async () => two.session]);
    await keeper.connect();
    one.lose(new Problem('ssh-connection-lost', 'gone', { retryable: true }).data);
    await clock.advance(100);
    expect(keeper.state).toMatchObject({ phase: 'waiting-to-retry', problem: { code: 'ssh-connection-lost' } });
    await clock.advance(2000);
    expect(keeper.session()).toBe(two.session);
    await keeper.close();
  });

  it.each<ProblemCode>([
    'ssh-auth-failed',
    'ssh-auth-needed',
    'host-key-unknown',
    'host-key-changed',
    'host-key-revoked',
    'host-key-unsupported',
    'key-file-unreadable',
  ])('%s blocks and is never retried by itself', async (code) => {
    const fake = fakeSession();
    const { keeper, clock, opens } = setUp([refuse(code), async () => fake.session]);
    expect(await keeper.connect()).toMatchObject({ phase: 'blocked', problem: { code } });
    await expect(keeper.whenConnected()).rejects.toMatchObject({ code });
    await clock.sleep(3_600_000);
    await clock.advance(300_000);
    expect(opens()).toBe(1);
    expect(clock.timers).toBe(0);
    expect((await keeper.retryNow()).phase).toBe('connected');
    await keeper.close();
  });

  it('tries at once after a sleep, and proves a session that slept', async () => {
    const [dead, alive, fresh] = [fakeSession(false), fakeSession(true), fakeSession()];
    const { keeper, clock, opens } = setUp([
      refuse('ssh-unreachable'),
      refuse('ssh-unreachable'),
      refuse('ssh-unreachable'),
      refuse('ssh-unreachable'),
      refuse('ssh-unreachable'),
      async () => dead.session,
      async () => fresh.session,
    ]);
    await keeper.connect();
    await clock.advance(20_000);
    const before = opens();
    expect(keeper.state.phase).toBe('waiting-to-retry');
    await clock.sleep(3_600_000);
    await clock.advance(5100);
    expect(opens()).toBeGreaterThan(before);
    await clock.advance(60_000);
    expect(keeper.session()).toBe(dead.session);
    await clock.sleep(3_600_000);
    await clock.advance(5100);
    expect(keeper.session()).toBe(fresh.session);
    expect(dead.closes).toBe(1);
    expect(alive.closes).toBe(0);
    await keeper.close();
    expect(clock.timers).toBe(0);
  });

  it('drops a session that comes after disconnect, and ends waits', async () => {
    const fake = fakeSession();
    let give: (session: SshSession) => void = () => undefined;
    const { keeper } = setUp([() => new Promise((resolve) => (give = resolve))]);
    const connecting = keeper.connect();
    const waiting = keeper.whenConnected();
    const watched = expect(waiting).rejects.toMatchObject({ code: 'not-connected' });
    await Promise.resolve();
    const ending = keeper.disconnect();
    await Promise.resolve();
    give(fake.session);
    await Promise.all([ending, connecting, watched]);
    expect(fake.closes).toBe(1);
    const abort = new AbortController();
    const { keeper: other } = setUp([() => new Promise(() => undefined)]);
    void other.connect();
    await Promise.resolve();
    const aborted = other.whenConnected(abort.signal);
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('waits for a session from the moment a connection is asked for', async () => {
    const fake = fakeSession();
    const { keeper } = setUp([refuse('ssh-auth-failed'), async () => fake.session]);
    void keeper.connect();
    await expect(keeper.whenConnected()).rejects.toMatchObject({ code: 'ssh-auth-failed' });
    void keeper.retryNow();
    expect(await keeper.whenConnected()).toBe(fake.session);
    await keeper.close();
  });

  it('waits between a second and a minute', () => {
    for (let attempt = 1; attempt < 100; attempt++) {
      expect(backOffMs(attempt, () => 0)).toBe(1000);
      expect(backOffMs(attempt, () => 0.999999)).toBeLessThanOrEqual(60_000);
    }
    expect(backOffMs(1, () => 0.999999)).toBe(2000);
    expect(backOffMs(10, () => 0.999999)).toBe(60_000);
  });
});
