import { randomBytes } from 'node:crypto';
import type { Assets } from './assets.ts';
import { withNonce } from './assets.ts';
import { contentSecurityPolicy, safetyHeaders } from './headers.ts';

/** An answer without a way to be sent: both HTTP and `app://` know how. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer | string;
}

/** A refusal in one line of plain text. */
export function refusal(status: number, text: string, headers: Record<string, string> = {}): PageAnswer {
  return {
    status,
    headers: {
      ...safetyHeaders,
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      ...headers,
    },
    body: `${text}\n`,
  };
}

/** Answers for a file of the interface. `path` is the URL's, as it was sent. */
export function answerPage(assets: Assets, { method, path, socket }: { method: string; path: string; socket?: string }): PageAnswer {
  if (method !== 'GET' && method !== 'HEAD') return refusal(405, 'Only GET and HEAD.', { allow: 'GET, HEAD' });
  const asset = assets.get(path);
  if (asset === undefined) return refusal(404, 'There is nothing here.');
  const nonce = randomBytes(18).toString('base64url');
  const page = asset.type.startsWith('text/html');
  return {
    status: 200,
    headers: {
      ...safetyHeaders,
      'content-security-policy': contentSecurityPolicy({ nonce, ...(socket === undefined ? {} : { socket }) }),
      'content-type': asset.type,
      'cache-control': asset.hashed ? 'public, max-age=31536000, immutable' : 'no-store',
    },
    body: page ? withNonce(asset.body, nonce) : asset.body,
  };
}
