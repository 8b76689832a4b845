import { z } from 'zod';
import { Id } from '../../contract/common.ts';
import { RunbookInput } from '../../contract/runs.ts';
import { SecretKey } from '../../contract/secrets.ts';
import { StackInput } from '../../contract/stacks.ts';
import { StatementDefinition } from './statement-schema.ts';

/**
 * The stack format, version 1. Data only: names of actions and typed parameters, never a shell string. A value is a
 * literal or one whole reference (`${inputs.db_path}`, `${run.backup}`, `${steps.safety.filename}`): references
 * are never part of a longer text, so nothing can be concatenated into a command.
 */

/** `15s`, `500ms`, `5m`, `24h`; read as milliseconds. */
export const Duration = z
  .string()
  .regex(/^[1-9]\d{0,6}(ms|s|m|h|d)$/, 'a duration such as 15s, 5m or 500ms')
  .transform((text) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[text.replace(/^\d+/, '') as 'ms' | 's' | 'm' | 'h' | 'd'];
    return Number.parseInt(text, 10) * unit;
  });

/** A dotted path into a JSON body: `checks.database.status`. */
export const JsonPath = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,9}$/, 'a dotted path such as checks.database.status');

/** One assertion on a JSON body. Exactly one of the conditions is given. */
export const JsonExpectation = z.strictObject({
  path: JsonPath,
  equals: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
  one_of: z.array(z.union([z.string(), z.number(), z.boolean()])).optional(),
  at_least: z.number().optional(),
  at_most: z.number().optional(),
  /** Words for the tile when it does not hold; `{actual}` stands for what was found. */
  otherwise: z.string().max(300).optional(),
});

/** An HTTP path on the deployment, below the stack's `base_url`. */
export const HttpPath = z.string().regex(/^\/[^\s\p{Cc}#]{0,500}$/u, 'a path that begins with /');

/** A read-only look on a schedule. */
export const ProbeDefinition = z.strictObject({
  id: Id,
  title: z.string().min(1).max(80),
  kind: z.enum(['http', 'metrics', 'disk']),
  every: Duration,
  timeout: Duration,
  /** Bad looks in a row before it is unhealthy, good ones before it is healthy again. */
  failures: z.int().min(1).max(20).default(3),
  successes: z.int().min(1).max(20).default(2),
  http: z
    .strictObject({
      path: HttpPath,
      /** Key of the stack's secret sent as a header; none when absent. */
      secret: SecretKey.optional(),
      header: z.enum(['X-API-Key', 'Authorization-Bearer', 'X-Api-Token']).default('X-API-Key'),
      status: z.array(z.int().min(100).max(599)).min(1).default([200]),
      json: z.array(JsonExpectation).default([]),
      /** Title → path of what the tile shows. */
      facts: z.record(z.string().max(40), JsonPath).default({}),
      /** Slower than this is degraded. */
      degraded_above: Duration.optional(),
    })
    .optional(),
  /** Free space below a folder: the name of a path input. */
  disk: z.strictObject({ path: z.string(), degraded_below_percent: z.number(), unhealthy_below_percent: z.number() }).optional(),
});
export type ProbeDefinition = z.infer<typeof ProbeDefinition>;

/** A rule evaluated on the laptop over what probes saw. */
export const AlertDefinition = z.strictObject({
  id: Id,
  title: z.string().min(1).max(120),
  severity: z.enum(['critical', 'warning', 'info']),
  rule: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('probe-state'), probe: Id, is: z.enum(['unhealthy', 'degraded']) }),
    /** A JSON assertion of a probe's newest body does not hold. */
    z.strictObject({ kind: z.literal('probe-json'), probe: Id, json: JsonExpectation }),
    z.strictObject({ kind: z.literal('probe-p95'), probe: Id, above: Duration, window: Duration, min_samples: z.int().min(5).default(20) }),
    /** Share (0..1) of a counter's increase whose label matches, over a window, from two scrapes. Counter resets are handled. */
    z.strictObject({
      kind: z.literal('metric-share'),
      probe: Id,
      metric: z.string(),
      label: z.string(),
      matches: z.string().max(50),
      above: z.number().min(0).max(1),
      window: Duration,
      min_count: z.int().min(1).default(20),
    }),
  ]),
});
export type AlertDefinition = z.infer<typeof AlertDefinition>;

/** A place log lines come from. */
export const LogDefinition = z.strictObject({
  id: Id,
  title: z.string().min(1).max(80),
  kind: z.enum(['file', 'container', 'journald']),
  /** Path, container or unit: a whole reference to an input, or a literal. The source is absent when the input is empty. */
  from: z.string().max(1024),
  format: z.enum(['json', 'text']),
  /** Names to look for, first found wins. */
  columns: z
    .strictObject({
      time: z.array(z.string()),
      level: z.array(z.string()),
      logger: z.array(z.string()),
      message: z.array(z.string()),
      request_id: z.array(z.string()),
      category: z.array(z.string()),
    })
    .partial()
    .default({}),
});
export type LogDefinition = z.infer<typeof LogDefinition>;

/** A step: an action with its parameters. */
export const StepDefinition = z.strictObject({
  id: Id,
  title: z.string().min(1).max(120).optional(),
  action: z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+@[1-9]\d*$/, 'an action such as http.probe@1'),
  why: z.string().max(300).optional(),
  with: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).default({}),
});

/** A guided procedure. */
export const RunbookDefinition = z.strictObject({
  id: Id,
  title: z.string().min(1).max(80),
  description: z.string().max(600),
  inputs: z.array(RunbookInput).default([]),
  blast_radius: z.array(z.string().max(300)).default([]),
  steps: z.array(StepDefinition).min(1).max(50),
  point_of_no_return: Id.optional(),
  /** `revert`: when a step is *seen* to fail, what was done is undone at once, without asking. Said in the plan. */
  on_failure: z.literal('revert').optional(),
  /** Makes it a rehearsal of another runbook: a restore into a scratch target, measured against targets and entered in the ledger. */
  rehearsal: z
    .strictObject({
      of: Id,
      /** Longest time to bring the data back, and the oldest the restored data may be. */
      rto: Duration,
      rpo: Duration,
      /** How often it is to be done; a good one older than this raises an alarm. */
      every: Duration,
      /** The step after which the data would be back in service. */
      until: Id,
      /** A whole reference to the fact that tells the time of the restored data: `${steps.secure.made_at}`. */
      data_time: z.string().max(200).optional(),
    })
    .optional(),
});
export type RunbookDefinition = z.infer<typeof RunbookDefinition>;

/** How this stack's backups are read. One kind per kind of backup store; values other than `secret` are names of the stack's inputs. */
export const BackupsDefinition = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('friendlyface'),
    secret: SecretKey,
    base_url: z.string(),
    folder: z.string(),
    env_file: z.string().optional(),
  }),
  /** Copies of a SQLite file in a folder of the host, with manifests beside them. `db` is the live file. */
  z.strictObject({ kind: z.literal('sqlite-files'), folder: z.string(), db: z.string() }),
  /** Custom-format dumps in a folder of the host, with manifests beside them; `container` and `bin_dir` tell where PostgreSQL's tools are. */
  z.strictObject({
    kind: z.literal('postgres-archives'),
    folder: z.string(),
    database: z.string(),
    container: z.string().optional(),
    bin_dir: z.string().optional(),
  }),
]);
export type BackupsDefinition = z.infer<typeof BackupsDefinition>;

/** A whole stack file. */
export const StackDefinition = z.strictObject({
  stack: Id,
  version: z.literal(1),
  title: z.string().min(1).max(60),
  description: z.string().max(400),
  inputs: z.array(StackInput),
  secrets: z
    .array(
      z.strictObject({
        key: SecretKey,
        title: z.string(),
        required: z.boolean().default(false),
        help: z.string().optional(),
        /** What is in a backup can only be read with the value that was in use when it was made: that value is not forgotten before. */
        encrypts_backups: z.boolean().default(false),
      }),
    )
    .default([]),
  probes: z.array(ProbeDefinition).default([]),
  alerts: z.array(AlertDefinition).default([]),
  logs: z.array(LogDefinition).default([]),
  backups: BackupsDefinition.optional(),
  statements: z.array(StatementDefinition).max(50).default([]),
  runbooks: z.array(RunbookDefinition).default([]),
});
export type StackDefinition = z.infer<typeof StackDefinition>;
