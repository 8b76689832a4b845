import { SESSION_PATH, SessionToken } from '../../contract/wire.ts';

/** The page, as far as a session needs it: a part of `window`. */
export interface SessionPage {
  readonly location: { readonly hash: string; readonly pathname: string; readonly search: string };
  readonly history: { replaceState(data: unknown, unused: string, url: string): void };
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
}

/** `unreachable` means the host did not answer at all: ask again later. */
export type SessionState = 'granted' | 'refused' | 'unreachable';

/**
 * Trades the one-time token of the address for a session cookie. The token leaves the address bar before anything else
 * is done with it. A token already used is no loss when the page has its cookie (a reload, a restored tab).
 */
export async function claimSession({ location, history, fetch }: SessionPage): Promise<SessionState> {
  const token = SessionToken.safeParse(location.hash.slice(1));
  if (token.success) {
    history.replaceState(null, '', location.pathname + location.search);
    const response = await fetch(SESSION_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: token.data }),
    }).catch(() => undefined);
    if (response?.ok === true) return 'granted';
  }
  return checkSession(fetch);
}

/** Asks whether the page's cookie is a session of the host that is running now. */
export async function checkSession(fetch: SessionPage['fetch']): Promise<SessionState> {
  const response = await fetch(SESSION_PATH).catch(() => undefined);
  if (response === undefined) return 'unreachable';
  return response.ok ? 'granted' : 'refused';
}
