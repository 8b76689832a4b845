import type { z } from 'zod';
import type { ProblemData } from '../../contract/problem.ts';
import type { HttpClient, HttpRequest } from '../drivers/http/types.ts';
import type { Outcome } from '../drivers/ssh/types.ts';
import {
  BackupsAnswer,
  ChainAnswer,
  CleanupAnswer,
  CreateAnswer,
  DeepHealthAnswer,
  HealthAnswer,
  MigrationStatusAnswer,
  RestoreAnswer,
  RollbackAnswer,
  StatsAnswer,
  VerifyAnswer,
} from './friendlyface-answers.ts';
import { refusal, unexpectedShape } from './friendlyface-problems.ts';

/** A typed answer, or what went wrong; `unknown` only for calls that may have changed something. */
export type ApiOutcome<T> = Outcome<{ readonly status: number; readonly body: T; readonly latencyMs: number }>;

/** What a call may be limited by. */
export interface ApiOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** FriendlyFace's HTTP interface. Reads never end `unknown`; writes end `failed` only when they certainly did nothing. */
export interface FriendlyFaceApi {
  health(options?: ApiOptions): Promise<ApiOutcome<z.output<typeof HealthAnswer>>>;
  /** 200 and 503 are both answers; look at `status` and the body. */
  healthDeep(options?: ApiOptions): Promise<ApiOutcome<z.output<typeof DeepHealthAnswer>>>;
  chainIntegrity(options?: ApiOptions): Promise<ApiOutcome<z.output<typeof ChainAnswer>>>;
  listBackups(options?: ApiOptions): Promise<ApiOutcome<z.output<typeof BackupsAnswer>>>;
  stats(options?: ApiOptions): Promise<ApiOutcome<z.output<typeof StatsAnswer>>>;
  /** Runs the deployment's own check. `valid: false` is an answer, not a problem. */
  verify(filename: string, options?: ApiOptions): Promise<ApiOutcome<z.output<typeof VerifyAnswer>>>;
  create(label: string | undefined, options?: ApiOptions): Promise<ApiOutcome<z.output<typeof CreateAnswer>>>;
  /** `restored: false` is an answer, not a problem. */
  restore(filename: string, options?: ApiOptions): Promise<ApiOutcome<z.output<typeof RestoreAnswer>>>;
  cleanup(options?: ApiOptions): Promise<ApiOutcome<z.output<typeof CleanupAnswer>>>;
  migrationStatus(options?: ApiOptions): Promise<ApiOutcome<z.output<typeof MigrationStatusAnswer>>>;
  rollback(dryRun: boolean, options?: ApiOptions): Promise<ApiOutcome<z.output<typeof RollbackAnswer>>>;
}

interface Call<T> {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly shape: z.ZodType<T>;
  readonly accept?: readonly number[];
  /** A POST that changes nothing that matters: its loss is `failed`. */
  readonly harmless?: boolean;
  readonly open?: boolean;
  readonly timeoutMs: number;
}

/** Backups and restores copy the whole database before they answer. */
const LONG_MS = 10 * 60_000;
const SHORT_MS = 15_000;

/** Joins the base URL of an environment and a path, whatever slashes the user typed. */
export function urlOf(baseUrl: string, path: string, query: Readonly<Record<string, string>> = {}): string {
  const parameters = new URLSearchParams(query).toString();
  return `${baseUrl.replace(/\/+$/, '')}${path}${parameters === '' ? '' : `?${parameters}`}`;
}

/**
 * A typed client of FriendlyFace. `secret` is asked for each call and sent in `X-API-Key` only; it may throw
 * `secret-missing`, or give undefined when the deployment runs without keys.
 */
export function friendlyFaceApi(http: HttpClient, baseUrl: string, secret: () => Promise<string | undefined>): FriendlyFaceApi {
  async function call<T>(wanted: Call<T>, options: ApiOptions = {}): Promise<ApiOutcome<T>> {
    const key = wanted.open === true ? undefined : await secret();
    const request: HttpRequest = {
      method: wanted.method,
      url: urlOf(baseUrl, wanted.path, wanted.query),
      headers: { Accept: 'application/json', ...(key === undefined ? {} : { 'X-API-Key': key }) },
      timeoutMs: options.timeoutMs ?? wanted.timeoutMs,
      maxBytes: 32 * 1024 * 1024,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
    const reads = wanted.method === 'GET' || wanted.harmless === true;
    const end = (problem: ProblemData, certain: boolean): ApiOutcome<T> => ({ outcome: reads || certain ? 'failed' : 'unknown', problem });
    const answer = await http.request(request);
    if (answer.outcome !== 'done') return end(answer.problem, answer.outcome === 'failed');
    const where = `${wanted.method} ${wanted.path}`;
    if (!(wanted.accept ?? [200]).includes(answer.status)) {
      // A refusal by status was decided before anything was done; a 5xx may have come in the middle of it.
      return end(refusal(where, answer, key !== undefined), answer.status >= 300 && answer.status < 500);
    }
    const parsed = wanted.shape.safeParse(json(answer.body));
    if (!parsed.success) return end(unexpectedShape(where, answer, parsed.error), false);
    return { outcome: 'done', status: answer.status, body: parsed.data, latencyMs: answer.latencyMs };
  }
  const get = <T>(path: string, shape: z.ZodType<T>, more: Partial<Call<T>> = {}): Call<T> => ({
    method: 'GET',
    path,
    shape,
    timeoutMs: SHORT_MS,
    ...more,
  });
  const post = <T>(path: string, shape: z.ZodType<T>, more: Partial<Call<T>> = {}): Call<T> => ({
    method: 'POST',
    path,
    shape,
    timeoutMs: LONG_MS,
    ...more,
  });

  return {
    health: (options) => call(get('/health', HealthAnswer, { open: true }), options),
    healthDeep: (options) => call(get('/health/deep', DeepHealthAnswer, { accept: [200, 503] }), options),
    chainIntegrity: (options) => call(get('/chain/integrity', ChainAnswer, { timeoutMs: 120_000 }), options),
    listBackups: (options) => call(get('/admin/backups', BackupsAnswer), options),
    stats: (options) => call(get('/admin/backup/stats', StatsAnswer), options),
    verify: (filename, options) => call(post('/admin/backup/verify', VerifyAnswer, { query: { filename }, harmless: true }), options),
    create: (label, options) =>
      call(post('/admin/backup', CreateAnswer, { accept: [200, 201], query: label === undefined ? {} : { label } }), options),
    restore: (filename, options) => call(post('/admin/backup/restore', RestoreAnswer, { query: { filename } }), options),
    cleanup: (options) => call(post('/admin/backup/cleanup', CleanupAnswer), options),
    migrationStatus: (options) => call(get('/admin/migrations/status', MigrationStatusAnswer), options),
    rollback: (dryRun, options) =>
      call(post('/admin/migrations/rollback', RollbackAnswer, { query: dryRun ? { dry_run: 'true' } : {}, harmless: dryRun }), options),
  };
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
