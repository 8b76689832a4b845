import { z } from 'zod';
import { Bytes, Sha256 } from '../../../contract/common.ts';

/**
 * What is read of FriendlyFace's answers, as the real program gives them. Members that nothing here reads are left out: a version that
 * drops or adds one still works. Texts are hostile: clean them before they are shown.
 */

const text = z.string().max(10_000);
const fileName = z.string().max(300);
/** ISO time; Python leaves the zone out of some of its times, which are UTC then. */
const time = text.transform((value, context) => {
  const at = Date.parse(/([zZ]|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  if (!Number.isNaN(at) && at >= 0) return Math.round(at);
  context.addIssue({ code: 'custom', message: 'not a time' });
  return z.NEVER;
});

/** One backup as the deployment lists it; `modified` in Unix milliseconds. */
const ListedBackup = z.object({ filename: fileName, size_bytes: Bytes, modified: time });
export type ListedBackup = z.output<typeof ListedBackup>;
export const BackupsAnswer = z.object({ backups: z.array(ListedBackup).max(100_000) });

export const StatsAnswer = z.object({
  total_count: z.int().nonnegative(),
  total_size_bytes: Bytes,
  oldest: time.nullable(),
  newest: time.nullable(),
});

export const CreateAnswer = z.object({ filename: fileName, size_bytes: Bytes, checksum_sha256: Sha256 });

/** Always 200: what is wrong with the backup is in the body. */
export const VerifyAnswer = z.discriminatedUnion('valid', [
  z.object({ valid: z.literal(true), integrity_result: text, checksum_sha256: Sha256, size_bytes: Bytes }),
  z.object({ valid: z.literal(false), integrity_result: text.optional(), error: text.optional() }),
]);
export type VerifyAnswer = z.output<typeof VerifyAnswer>;

/** Always 200: a refused restore is `restored: false`. */
export const RestoreAnswer = z.object({ restored: z.boolean(), error: text.optional() });

export const CleanupAnswer = z.object({ removed: z.array(fileName) });
export const ChainAnswer = z.object({ valid: z.boolean(), count: z.int().nonnegative(), errors: z.array(text).max(1_000_000).default([]) });
export const HealthAnswer = z.object({ status: text, event_count: z.int().nonnegative(), merkle_root: text.nullable() });
export const NewestAnswer = z.object({ items: z.array(z.object({ event_hash: text })).max(10) });

/** A version of a migration: a text, or a number in some versions of the program. */
const version = z.union([z.string().min(1).max(200), z.int().transform(String)]);
export const MigrationsAnswer = z.object({
  applied: z.array(version).max(100_000),
  pending: z.array(version).max(100_000),
  total: z.int().nonnegative(),
});
export type MigrationsAnswer = z.output<typeof MigrationsAnswer>;
export const RollbackAnswer = z.object({ rolled_back: version, name: text, dry_run: z.boolean() });

const Check = z.object({ status: text, detail: text.optional() });
/** 200, or 503 with the same body. */
export const DeepHealthAnswer = z.object({
  status: text,
  checks: z.object({
    database: Check.extend({ event_count: z.int().nonnegative().optional() }),
    chain_integrity: Check,
    merkle_tree: Check.extend({ root: text.nullish(), leaf_count: z.int().nonnegative().optional() }).optional(),
    storage_backend: Check.optional(),
  }),
});
