import { z } from 'zod';
import type { ProblemData } from '../../../../contract/problem.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { HttpAnswer } from '../../../drivers/http/types.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';

/** Where the API is and which secret opens it. */
export const ApiInput = {
  base_url: z.string().regex(/^https?:\/\/[^\s/]+$/, 'such as http://127.0.0.1:3849'),
  secret: z.string().default('api-key'),
};

/** How a request that may change something ended. */
export type Sent<T> =
  | { readonly sent: 'answered'; readonly body: T }
  | { readonly sent: 'failed'; readonly problem: ProblemData }
  | { readonly sent: 'unknown'; readonly problem: ProblemData };

const Sha = z.string().regex(/^[0-9a-f]{64}$/);
const Health = z.object({ status: z.string(), event_count: z.int(), merkle_root: z.string().nullable() });
const Check = z.looseObject({ status: z.string() });
const Deep = z.object({
  status: z.string(),
  checks: z.object({
    database: Check.extend({ event_count: z.int().optional() }),
    chain_integrity: Check,
    merkle_tree: Check.extend({ root: z.string().nullable().optional(), leaf_count: z.int().optional() }),
    storage_backend: Check,
  }),
});
const Chain = z.object({ valid: z.boolean(), count: z.int(), errors: z.array(z.string()) });
const Listed = z.object({ filename: z.string().max(300), size_bytes: z.number(), modified: z.string() });
const Backups = z.object({ backups: z.array(Listed) });
const Created = z.object({ filename: z.string().max(300), size_bytes: z.number(), checksum_sha256: Sha });
const Verified = z.object({
  valid: z.boolean(),
  checksum_sha256: Sha.optional(),
  size_bytes: z.number().optional(),
  integrity_result: z.string().optional(),
  error: z.string().optional(),
});
const Restored = z.object({ restored: z.boolean(), error: z.string().optional() });
const Cleaned = z.object({ removed: z.array(z.string()), remaining: z.number() });
const Newest = z.object({ items: z.array(z.looseObject({ event_hash: z.string() })).max(10) });

/** One backup as the deployment lists it. */
export type ListedBackup = z.infer<typeof Listed>;

/** How a request reads in a plan. */
export const shown = (base: string, method: string, path: string, secret = 'api-key') => ({
  kind: 'http' as const,
  text: `${method} ${base}${path}  (X-API-Key: ‹${secret}›)`,
});

function refusal(method: string, path: string, answer: HttpAnswer): Problem {
  const words = plainLine(answer.body.toString('utf8'), 200);
  const what = `${method} ${path} answered ${answer.status}${words === '' ? '' : `: ${words}`}`;
  if (answer.status === 401 || answer.status === 403)
    return new Problem('http-unauthorised', what, { hint: 'Check the API key of this environment and its role (admin).' });
  if (answer.status === 429) return new Problem('http-rate-limited', what, { hint: 'Wait a minute and try again.', retryable: true });
  return new Problem('http-unexpected', what);
}

function parse<T>(schema: z.ZodType<T>, method: string, path: string, answer: HttpAnswer): T {
  try {
    return schema.parse(JSON.parse(answer.body.toString('utf8')));
  } catch (cause) {
    throw new Problem(
      'http-unexpected',
      `${method} ${path} answered something else than expected: ${plainLine(answer.body.toString('utf8'), 120)}`,
      { cause },
    );
  }
}

/** FriendlyFace's HTTP API through the tunnel, with its quirks: failures inside a 200, a plain-text 500 when the database is gone. */
export function friendlyFace(context: ActionContext, input: { base_url: string; secret: string }) {
  async function get<T>(path: string, schema: z.ZodType<T>, statuses: readonly number[] = [200], timeoutMs = 15_000): Promise<T> {
    const headers = { 'X-API-Key': await context.secret(input.secret) };
    const outcome = await context.http.request({
      method: 'GET',
      url: `${input.base_url}${path}`,
      headers,
      timeoutMs,
      signal: context.signal,
    });
    if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
    if (!statuses.includes(outcome.status)) throw refusal('GET', path, outcome);
    return parse(schema, 'GET', path, outcome);
  }

  async function post<T>(path: string, schema: z.ZodType<T>, status: number, timeoutMs: number): Promise<Sent<T>> {
    const method = 'POST';
    let headers: Record<string, string>;
    try {
      headers = { 'X-API-Key': await context.secret(input.secret) };
    } catch (error) {
      return { sent: 'failed', problem: toProblem(error) };
    }
    const outcome = await context.http.request({ method, url: `${input.base_url}${path}`, headers, timeoutMs });
    if (outcome.outcome !== 'done') return { sent: outcome.outcome, problem: outcome.problem };
    if (outcome.status !== status) {
      // Below 500 the request was refused; a server error may have come after the effect.
      return { sent: outcome.status < 500 ? 'failed' : 'unknown', problem: refusal(method, path, outcome).data };
    }
    try {
      return { sent: 'answered', body: parse(schema, method, path, outcome) };
    } catch (error) {
      return { sent: 'unknown', problem: toProblem(error) };
    }
  }

  const name = (filename: string) => encodeURIComponent(filename);
  return {
    health: () => get('/health', Health),
    deep: () => get('/health/deep', Deep, [200, 503]),
    chain: () => get('/chain/integrity', Chain, [200], 120_000),
    list: async () => (await get('/admin/backups', Backups)).backups,
    /** Hash of the newest event; undefined where this version has no such list. */
    head: async (): Promise<string | undefined> => {
      try {
        return (await get('/events?limit=1', Newest)).items[0]?.event_hash;
      } catch {
        return undefined;
      }
    },
    create: (label: string) => post(`/admin/backup?label=${name(label)}`, Created, 201, 300_000),
    /** Changes nothing, though it is a POST: an answer that was lost is just asked for again. */
    async verify(filename: string): Promise<z.infer<typeof Verified>> {
      const answer = await post(`/admin/backup/verify?filename=${name(filename)}`, Verified, 200, 300_000);
      if (answer.sent !== 'answered') throw Problem.from(answer.problem);
      return answer.body;
    },
    restore: (filename: string) => post(`/admin/backup/restore?filename=${name(filename)}`, Restored, 200, 300_000),
    cleanup: () => post('/admin/backup/cleanup', Cleaned, 200, 60_000),
  };
}

/** See {@link friendlyFace}. */
export type FriendlyFaceApi = ReturnType<typeof friendlyFace>;
