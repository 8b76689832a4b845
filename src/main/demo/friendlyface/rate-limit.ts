/** Fixed windows of one minute per client address and scope, on a monotonic clock. */
export function createRateLimiter(now: () => number = () => performance.now()) {
  const windows = new Map<string, { started: number; count: number }>();
  return {
    /** Counts one request; false when it is over `perMinute`. */
    allow(scope: string, client: string, perMinute: number): boolean {
      const key = `${scope} ${client}`;
      const window = windows.get(key);
      if (window === undefined || now() - window.started >= 60_000) {
        windows.set(key, { started: now(), count: 1 });
        return perMinute >= 1;
      }
      window.count += 1;
      return window.count <= perMinute;
    },
  };
}

/** The lower limits of the sensitive endpoints, per minute; off together with `FF_RATE_LIMIT=none`. */
export const sensitiveLimits: Readonly<Record<string, number>> = {
  'POST /admin/backup': 10,
  'POST /admin/backup/verify': 20,
  'POST /admin/backup/restore': 5,
  'POST /admin/backup/cleanup': 10,
  'POST /admin/migrations/rollback': 5,
};

/** What is left per minute for the data endpoints while the rate-limit-storm fault is on. */
export const stormLimit = 5;
