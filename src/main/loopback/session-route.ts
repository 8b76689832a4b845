import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { SessionToken } from '../../contract/wire.ts';
import type { PageAnswer } from '../pages/respond.ts';
import { refusal } from '../pages/respond.ts';
import type { Origins } from './origins.ts';
import type { Sessions } from './sessions.ts';

const MAX_BODY = 1024;
const Claim = z.strictObject({ token: SessionToken });

/** Answers `GET /session` (is there one?) and `POST /session` (the token for a cookie). */
export async function answerSession(
  request: IncomingMessage,
  { origins, sessions }: { origins: Origins; sessions: Sessions },
): Promise<PageAnswer> {
  if (request.method === 'GET') return sessions.admits(request.headers.cookie) ? granted() : refusal(401, 'No session.');
  if (request.method !== 'POST') return refusal(405, 'Only GET and POST.', { allow: 'GET, POST' });
  if (!origins.own(request)) return refusal(403, 'Not from this page.');
  if (request.headers['content-type'] !== 'application/json') return refusal(415, 'Only JSON.');
  const claim = Claim.safeParse(await readJson(request));
  if (!claim.success) return refusal(400, 'Not a token.');
  const result = sessions.claim(claim.data.token);
  if (result === 'wait') return refusal(429, 'Too many wrong tokens. Wait a minute.', { 'retry-after': '60' });
  if (result === 'used') return refusal(403, 'This token was used already. Start Quarterdeck again for another one.');
  if (result === 'wrong') return refusal(403, 'Not the token of this host.');
  return granted({ 'set-cookie': sessions.cookie(result.session) });
}

function granted(headers: Record<string, string> = {}): PageAnswer {
  const { headers: safe } = refusal(204, '', headers);
  return { status: 204, headers: safe, body: '' };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}
