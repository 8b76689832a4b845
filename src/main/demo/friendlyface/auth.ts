import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { ServiceConfig } from './config.ts';

/** Who a request is, or why it is refused: no key 403, a bad key 401, as the real program answers. */
export type AuthResult =
  | { readonly ok: true; readonly roles: readonly string[] }
  | { readonly ok: false; readonly status: 401 | 403; readonly detail: string; readonly reason: 'no_token' | 'invalid_token' };

/** Compared as the whole path: the `/api/v1` mirror of them is not public. */
const publicPaths = new Set(['/health', '/metrics']);

const rank: Record<string, number> = { viewer: 1, analyst: 2, admin: 3 };
const digest = (text: string) => createHash('sha256').update(text).digest();

/** Bearer first, then `X-API-Key`, then `?api_key=`. An empty header is a key, and a wrong one. */
function token(headers: IncomingHttpHeaders, query: URLSearchParams): string | null {
  const bearer = /^bearer (.*)$/i.exec(headers.authorization ?? '');
  if (bearer?.[1] !== undefined) return bearer[1].trim();
  const header = headers['x-api-key'];
  return (Array.isArray(header) ? header[0] : header) ?? query.get('api_key');
}

/** Decides on a request. Without any configured key authentication is off (the runbook's dev mode). */
export function authenticate(config: ServiceConfig, path: string, headers: IncomingHttpHeaders, query: URLSearchParams): AuthResult {
  if (publicPaths.has(path) || config.keys.size === 0) return { ok: true, roles: ['admin'] };
  const given = token(headers, query);
  if (given === null) {
    return {
      ok: false,
      status: 403,
      detail: 'API key required. Provide via X-API-Key header or api_key query parameter.',
      reason: 'no_token',
    };
  }
  const wanted = digest(given);
  const key = [...config.keys].find((candidate) => timingSafeEqual(digest(candidate), wanted));
  if (key === undefined) return { ok: false, status: 401, detail: 'Invalid API key.', reason: 'invalid_token' };
  // A key without a mapping is an admin.
  return { ok: true, roles: config.roles[key] ?? ['admin'] };
}

/** True when one of the roles is the wanted one, or above it. */
export function hasRole(roles: readonly string[], wanted: string): boolean {
  return roles.some((role) => (rank[role] ?? 0) >= (rank[wanted] ?? Number.POSITIVE_INFINITY));
}
