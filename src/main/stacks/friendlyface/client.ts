import type { z } from 'zod';
import type { ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import type { HttpClient } from '../../drivers/http/types.ts';
import { toProblem } from '../../engine/words.ts';
import type { ListedBackup, VerifyAnswer as Verified } from './answers.ts';
import {
  BackupsAnswer,
  ChainAnswer,
  CleanupAnswer,
  CreateAnswer,
  DeepHealthAnswer,
  HealthAnswer,
  MigrationsAnswer,
  NewestAnswer,
  RestoreAnswer,
  RollbackAnswer,
  StatsAnswer,
  VerifyAnswer,
} from './answers.ts';
import { refusal, unexpectedShape } from './problems.ts';

/** How a request that may change something ended. `failed` only when it certainly did nothing. */
export type Sent<T> =
  | { readonly outcome: 'done'; readonly body: T }
  | { readonly outcome: 'failed'; readonly problem: ProblemData }
  | { readonly outcome: 'unknown'; readonly problem: ProblemData };

/**
 * FriendlyFace's HTTP interface, with its quirks: failures inside a 200, a plain-text 500 when the database is gone. What only reads
 * throws its problem, what may change something never does.
 */
export interface FriendlyFaceApi {
  health(): Promise<z.output<typeof HealthAnswer>>;
  /** 200 and 503 are both answers; the body tells. */
  healthDeep(): Promise<z.output<typeof DeepHealthAnswer>>;
  chainIntegrity(): Promise<z.output<typeof ChainAnswer>>;
  /** Hash of the newest event; undefined where this version has no such list, or gives no answer. */
  head(): Promise<string | undefined>;
  listBackups(): Promise<readonly ListedBackup[]>;
  stats(): Promise<z.output<typeof StatsAnswer>>;
  /** Runs the deployment's own check; `valid: false` is an answer. A POST that changes nothing: when its answer is lost, just ask again. */
  verify(filename: string): Promise<Verified>;
  create(label: string): Promise<Sent<z.output<typeof CreateAnswer>>>;
  /** `restored: false` is an answer, not a problem. */
  restore(filename: string): Promise<Sent<z.output<typeof RestoreAnswer>>>;
  cleanup(): Promise<Sent<z.output<typeof CleanupAnswer>>>;
  migrations(): Promise<z.output<typeof MigrationsAnswer>>;
  /** What the next rollback would be; a refusal (no migration, no down file) is thrown in the service's words. */
  rollbackDry(): Promise<z.output<typeof RollbackAnswer>>;
  /** Rolls back whatever is the latest at that moment: it takes no version. */
  rollback(): Promise<Sent<z.output<typeof RollbackAnswer>>>;
}

/** What {@link friendlyFaceApi} works with. */
export interface FriendlyFaceOptions {
  readonly http: HttpClient;
  readonly baseUrl: string;
  /**
   * Asked for each call and sent in `X-API-Key` only; may throw `secret-missing`, or give undefined when the deployment runs without keys.
   */
  secret(): Promise<string | undefined>;
  /** Ends what only reads. What may change something is never cut. */
  readonly signal?: AbortSignal;
}

interface Call<T> {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly shape: z.ZodType<T>;
  readonly accept?: readonly number[];
  readonly timeoutMs?: number;
}

const SHORT_MS = 15_000;
const MEDIUM_MS = 60_000;
/** Reads every event. */
const CHAIN_MS = 120_000;
/** Backups, checks and restores go through the whole database before they answer. */
const LONG_MS = 300_000;

/** Joins the base URL of an environment and a path, whatever slashes the user typed. */
function urlOf(baseUrl: string, path: string, query: Readonly<Record<string, string>> = {}): string {
  const parameters = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${baseUrl.replace(/\/+$/, '')}${path}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
}

/** A typed client of FriendlyFace. */
export function friendlyFaceApi({ http, baseUrl, secret, signal }: FriendlyFaceOptions): FriendlyFaceApi {
  async function send<T>(call: Call<T>, key: string | undefined, until?: AbortSignal): Promise<Sent<T>> {
    const answer = await http.request({
      method: call.method,
      url: urlOf(baseUrl, call.path, call.query),
      headers: { Accept: 'application/json', ...(key === undefined ? {} : { 'X-API-Key': key }) },
      timeoutMs: call.timeoutMs ?? SHORT_MS,
      maxBytes: 32 * 1024 * 1024,
      ...(until === undefined ? {} : { signal: until }),
    });
    if (answer.outcome !== 'done') return { outcome: answer.outcome, problem: answer.problem };
    const where = `${call.method} ${call.path}`;
    if (!(call.accept ?? [200]).includes(answer.status)) {
      // A refusal by status was decided before anything was done; a 5xx may have come in the middle of it.
      const certain = answer.status >= 300 && answer.status < 500;
      return { outcome: certain ? 'failed' : 'unknown', problem: refusal(where, answer, key !== undefined) };
    }
    const parsed = call.shape.safeParse(json(answer.body));
    if (!parsed.success) return { outcome: 'unknown', problem: unexpectedShape(where, answer, parsed.error) };
    return { outcome: 'done', body: parsed.data };
  }

  async function read<T>(call: Call<T>, key: () => Promise<string | undefined> = secret): Promise<T> {
    const ended = await send(call, await key(), signal);
    if (ended.outcome !== 'done') throw Problem.from(ended.problem);
    return ended.body;
  }

  async function write<T>(call: Call<T>): Promise<Sent<T>> {
    let key: string | undefined;
    try {
      key = await secret();
    } catch (error) {
      return { outcome: 'failed', problem: toProblem(error) };
    }
    try {
      return await send(call, key);
    } catch (error) {
      // Nobody can say how far a request came that ended in an exception.
      return { outcome: 'unknown', problem: toProblem(error) };
    }
  }

  const get = <T>(path: string, shape: z.ZodType<T>, more: Partial<Call<T>> = {}): Call<T> => ({ method: 'GET', path, shape, ...more });
  const post = <T>(path: string, shape: z.ZodType<T>, more: Partial<Call<T>> = {}): Call<T> => ({
    method: 'POST',
    path,
    shape,
    timeoutMs: LONG_MS,
    ...more,
  });

  return {
    // The one page that needs no key: then it is not sent.
    health: () => read(get('/health', HealthAnswer), async () => undefined),
    healthDeep: () => read(get('/health/deep', DeepHealthAnswer, { accept: [200, 503] })),
    chainIntegrity: () => read(get('/chain/integrity', ChainAnswer, { timeoutMs: CHAIN_MS })),
    async head() {
      try {
        return (await read(get('/events', NewestAnswer, { query: { limit: '1' } }))).items[0]?.event_hash;
      } catch {
        return undefined;
      }
    },
    listBackups: async () => (await read(get('/admin/backups', BackupsAnswer))).backups,
    stats: () => read(get('/admin/backup/stats', StatsAnswer)),
    verify: (filename) => read(post('/admin/backup/verify', VerifyAnswer, { query: { filename } })),
    create: (label) => write(post('/admin/backup', CreateAnswer, { accept: [200, 201], query: { label } })),
    restore: (filename) => write(post('/admin/backup/restore', RestoreAnswer, { query: { filename } })),
    cleanup: () => write(post('/admin/backup/cleanup', CleanupAnswer, { timeoutMs: MEDIUM_MS })),
    migrations: () => read(get('/admin/migrations/status', MigrationsAnswer)),
    rollbackDry: () => read(post('/admin/migrations/rollback', RollbackAnswer, { query: { dry_run: 'true' }, timeoutMs: MEDIUM_MS })),
    rollback: () => write(post('/admin/migrations/rollback', RollbackAnswer, { query: { dry_run: 'false' } })),
  };
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
