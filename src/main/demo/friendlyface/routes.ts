import type { Backups } from './backups.ts';
import type { EventRow, MerkleTree } from './chain.ts';
import type { ServiceConfig } from './config.ts';
import type { Metrics } from './metrics.ts';
import { MigrationRefused, migrationStatus, rollbackLast } from './migrations.ts';
import type { Store } from './store.ts';

/** The version the real program reports. */
export const serviceVersion = '0.1.0';

/** An answer: JSON unless `text` says otherwise. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
}

/** What a handler may look at. */
export interface RouteRequest {
  readonly query: URLSearchParams;
  readonly params: readonly string[];
  readonly body: () => Promise<unknown>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** The path as the metrics name it; `{…}` matches one segment. */
  readonly path: string;
  readonly role?: 'admin';
  readonly handle: (request: RouteRequest) => Answer | Promise<Answer>;
}

const errorText = (error: unknown) => (error instanceof Error ? error.message : String(error));
const missing = (name: string): Answer => ({
  status: 422,
  json: { detail: [{ type: 'missing', loc: ['query', name], msg: 'Field required', input: null }] },
});

const eventJson = (row: EventRow) => ({
  id: row.id,
  event_type: row.kind,
  timestamp: row.at,
  actor: row.actor,
  payload: JSON.parse(row.payload) as unknown,
  previous_hash: row.prev_hash,
  event_hash: row.hash,
  sequence_number: row.seq - 1,
});

/** Every route of the service, each exactly as the behaviour table has it. */
export function createRoutes(options: {
  config: ServiceConfig;
  store: Store;
  tree: MerkleTree;
  backups: Backups;
  metrics: Metrics;
}): Route[] {
  const { config, store, tree, backups, metrics } = options;
  const started = performance.now();
  const uptime = () => Math.round((performance.now() - started) / 100) / 10;

  function health(): Answer {
    // A database failure is not caught here: the real endpoint answers with the plain-text 500 of the server.
    return {
      status: 200,
      json: {
        status: 'ok',
        version: serviceVersion,
        uptime_seconds: uptime(),
        event_count: store.count(),
        merkle_root: tree.root,
        storage_backend: 'sqlite',
        recognition_engine: 'fallback',
        embedding_backend: 'pca',
        embedding_model: 'pca-128',
      },
    };
  }

  function deepHealth(): Answer {
    const guarded = (check: () => Record<string, unknown>): Record<string, unknown> => {
      try {
        return check();
      } catch (error) {
        return { status: 'error', detail: errorText(error) };
      }
    };
    const database = guarded(() => ({ status: 'ok', event_count: store.count() }));
    const chain = guarded(() => {
      const { valid, count } = store.integrity();
      return { status: valid ? 'ok' : 'degraded', valid, count };
    });
    const checks = {
      database,
      chain_integrity: chain,
      // Only the tree in memory is looked at: it stays "ok" when a restore has put other rows under it.
      merkle_tree: { status: 'ok', root: tree.root, leaf_count: tree.leafCount },
      storage_backend: { type: 'sqlite', status: 'ok' },
    };
    const good = database['status'] === 'ok' && chain['status'] === 'ok';
    return {
      status: good ? 200 : 503,
      json: { status: good ? 'ok' : 'degraded', version: serviceVersion, uptime_seconds: uptime(), checks },
    };
  }

  function dashboard(): Answer {
    const { valid, count } = store.integrity();
    return {
      status: 200,
      json: {
        uptime_seconds: uptime(),
        storage_backend: 'sqlite',
        total_events: store.count(),
        total_bundles: 0,
        total_provenance_nodes: 0,
        events_by_type: store.byKind(),
        recent_events: store.list(10, 0, null).items.map(eventJson),
        chain_integrity: { valid, count },
        crypto_status: { did_enabled: true, zk_scheme: 'schnorr-sha256', total_dids: 0, total_vcs: 0 },
      },
    };
  }

  async function recordEvent(request: RouteRequest): Promise<Answer> {
    const body = await request.body();
    const { event_type: kind, actor, payload } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    const wrong = Object.entries({ event_type: kind, actor }).filter(([, value]) => typeof value !== 'string' || value === '');
    if (wrong.length > 0 || typeof kind !== 'string' || typeof actor !== 'string') {
      return {
        status: 422,
        json: { detail: wrong.map(([name]) => ({ type: 'missing', loc: ['body', name], msg: 'Field required', input: body ?? null })) },
      };
    }
    const row = store.append(kind, actor, payload ?? {});
    tree.append(row.hash);
    return { status: 201, json: eventJson(row) };
  }

  function listEvents({ query }: RouteRequest): Answer {
    const limit = Math.min(500, Math.max(1, Number(query.get('limit') ?? 50) || 50));
    const offset = Math.max(0, Number(query.get('offset') ?? 0) || 0);
    const { items, total } = store.list(limit, offset, query.get('event_type'));
    return { status: 200, json: { items: items.map(eventJson), total, limit, offset } };
  }

  function rollback({ query }: RouteRequest): Answer {
    try {
      const dryRun = ['1', 'true', 'yes', 'on'].includes((query.get('dry_run') ?? '').toLowerCase());
      return { status: 200, json: rollbackLast(store.db, config.migrationsDir, dryRun) };
    } catch (error) {
      if (error instanceof MigrationRefused) return { status: 400, json: { detail: error.message } };
      throw error;
    }
  }

  /** For the endpoints that want a file name: 422 without one, and otherwise always 200. */
  const withFilename =
    (act: (filename: string) => unknown) =>
    async ({ query }: RouteRequest): Promise<Answer> => {
      const filename = query.get('filename');
      return filename === null ? missing('filename') : { status: 200, json: await act(filename) };
    };

  return [
    { method: 'GET', path: '/health', handle: health },
    { method: 'GET', path: '/health/deep', handle: deepHealth },
    { method: 'GET', path: '/metrics', handle: () => ({ status: 200, text: metrics.text() }) },
    { method: 'GET', path: '/dashboard', handle: dashboard },
    { method: 'GET', path: '/chain/integrity', handle: () => ({ status: 200, json: store.integrity() }) },
    { method: 'GET', path: '/merkle/root', handle: () => ({ status: 200, json: { merkle_root: tree.root, leaf_count: tree.leafCount } }) },
    { method: 'POST', path: '/events', handle: recordEvent },
    { method: 'GET', path: '/events', handle: listEvents },
    {
      method: 'GET',
      path: '/events/{event_id}',
      handle: ({ params }) => {
        const row = store.event(params[0] ?? '');
        return row === undefined ? { status: 404, json: { detail: 'Event not found' } } : { status: 200, json: eventJson(row) };
      },
    },
    {
      method: 'POST',
      path: '/admin/backup',
      role: 'admin',
      handle: async ({ query }) => ({ status: 201, json: await backups.create(query.get('label')) }),
    },
    { method: 'GET', path: '/admin/backups', handle: () => ({ status: 200, json: backups.list() }) },
    { method: 'GET', path: '/admin/backup/stats', handle: () => ({ status: 200, json: backups.stats() }) },
    { method: 'POST', path: '/admin/backup/verify', handle: withFilename(backups.verify) },
    { method: 'POST', path: '/admin/backup/restore', role: 'admin', handle: withFilename(backups.restore) },
    { method: 'POST', path: '/admin/backup/cleanup', role: 'admin', handle: () => ({ status: 200, json: backups.cleanup() }) },
    {
      method: 'GET',
      path: '/admin/migrations/status',
      handle: () => ({ status: 200, json: migrationStatus(store.db, config.migrationsDir) }),
    },
    { method: 'POST', path: '/admin/migrations/rollback', role: 'admin', handle: rollback },
  ];
}
