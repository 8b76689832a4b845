import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Who may speak to the host: the one-time token of the address, and the sessions made of it. */
export interface Sessions {
  /** Goes into the address. Good for one session. */
  readonly token: string;
  /** A session for the token, `used` or `wrong` when it is not good, `wait` after too many wrong ones. */
  claim(token: string): { session: string } | 'used' | 'wrong' | 'wait';
  /** Whether a `Cookie` header holds a session. */
  admits(cookies: string | undefined): boolean;
  /** The `Set-Cookie` header for a session. */
  cookie(session: string): string;
}

const MAX_WRONG = 10;
const WRONG_WINDOW_MS = 60_000;

const secret = (): string => randomBytes(32).toString('base64url');

/** Compares in constant time, whatever the lengths. */
function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * Makes the token and keeps the session. Cookies ignore ports, so the cookie's name holds the port: two hosts on one
 * machine don't throw each other out.
 */
export function createSessions(port: number, now: () => number = () => performance.now()): Sessions {
  const token = secret();
  const name = `quarterdeck-${port}`;
  let session: string | undefined;
  let wrong: number[] = [];

  return {
    token,
    claim(offered) {
      wrong = wrong.filter((at) => now() - at < WRONG_WINDOW_MS);
      if (wrong.length >= MAX_WRONG) return 'wait';
      if (!same(offered, token)) {
        wrong.push(now());
        return 'wrong';
      }
      if (session !== undefined) return 'used';
      session = secret();
      return { session };
    },
    admits(cookies) {
      if (session === undefined || cookies === undefined) return false;
      const mine = session;
      return cookies.split(';').some((pair) => {
        const [key, value] = pair.trim().split('=', 2);
        return key === name && value !== undefined && same(value, mine);
      });
    },
    cookie: (id) => `${name}=${id}; HttpOnly; SameSite=Strict; Path=/`,
  };
}
