import { z } from 'zod';
import { Bytes, Sha256 } from '../../contract/common.ts';

/**
 * Answers of FriendlyFace's HTTP interface as the real program gives them (SYSTEMS.md, FriendlyFace). Unknown members are
 * let through: a newer version may say more. Texts are hostile: clean them before they are shown.
 */

const text = z.string().max(10_000);
/** ISO time; Python leaves the zone out of some of its times, which are UTC then. */
const time = text.transform((value, context) => {
  const at = Date.parse(/([zZ]|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  if (!Number.isNaN(at) && at >= 0) return Math.round(at);
  context.addIssue({ code: 'custom', message: 'not a time' });
  return z.NEVER;
});

export const ListedBackup = z.object({ filename: text, path: text.optional(), size_bytes: Bytes, modified: time });
export const BackupsAnswer = z.object({ backups: z.array(ListedBackup).max(100_000), total: z.int() });
export const StatsAnswer = z.object({
  total_count: z.int().nonnegative(),
  total_size_bytes: Bytes,
  oldest: time.nullable(),
  newest: time.nullable(),
});

export const CreateAnswer = z.object({
  backup_id: text,
  filename: text,
  path: text,
  timestamp: time,
  size_bytes: Bytes,
  checksum_sha256: Sha256,
  label: text.nullish(),
});

/** Always 200: what is wrong with the backup is in the body. */
export const VerifyAnswer = z.union([
  z.object({ valid: z.boolean(), filename: text, integrity_result: text, checksum_sha256: Sha256, size_bytes: Bytes }),
  z.object({ valid: z.literal(false), error: text, filename: text.optional() }),
]);

/** Always 200: a refused restore is `restored: false`. */
export const RestoreAnswer = z.union([
  z.object({ restored: z.literal(true), filename: text, timestamp: text }),
  z.object({ restored: z.literal(false), error: text }),
]);

export const CleanupAnswer = z.object({ removed: z.array(text), removed_count: z.int().nonnegative(), remaining: z.int().nonnegative() });
export const MigrationStatusAnswer = z.object({ applied: z.array(text), pending: z.array(text), total: z.int().nonnegative() });
export const RollbackAnswer = z.object({ rolled_back: text, name: text, dry_run: z.boolean() });
export const ChainAnswer = z.object({ valid: z.boolean(), count: z.int().nonnegative(), errors: z.array(text).max(1_000_000).default([]) });

export const HealthAnswer = z.object({
  status: text,
  version: text,
  uptime_seconds: z.number(),
  event_count: z.int().nonnegative(),
  merkle_root: text.nullish(),
  storage_backend: text.optional(),
});

/** 200, or 503 with the same body. */
export const DeepHealthAnswer = z.object({
  status: text,
  version: text,
  uptime_seconds: z.number(),
  checks: z.object({
    database: z.object({ status: text, event_count: z.int().nonnegative().optional(), detail: text.optional() }),
    chain_integrity: z.object({
      status: text,
      valid: z.boolean().optional(),
      count: z.int().nonnegative().optional(),
      detail: text.optional(),
    }),
    merkle_tree: z.object({ status: text, root: text.nullish(), leaf_count: z.int().nonnegative().optional() }).optional(),
    storage_backend: z.object({ type: text.optional(), status: text }).optional(),
  }),
});
