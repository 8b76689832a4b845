import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { Id, Sha256, Timestamp } from './common.ts';

/** Past-tense names of what the journal records. */
export const JournalKind = z.enum([
  'environment-created',
  'environment-changed',
  'environment-removed',
  'secret-set',
  'secret-cleared',
  'secret-staged',
  'secret-promoted',
  'secret-demoted',
  'secret-discarded',
  'host-key-trusted',
  'host-key-refused',
  'host-key-forgotten',
  'probe-flipped',
  'alert-flipped',
  'backup-verified',
  'backup-downloaded',
  'run-started',
  'step-intended',
  'step-ended',
  'step-probed',
  'run-ended',
  'revert-started',
  'undo-intended',
  'undo-ended',
  'revert-ended',
  'run-cancelled',
  'run-paused',
  'run-resumed',
  'host-lock-removed',
  'run-interrupted',
  'note-added',
  'app-started',
]);
export type JournalKind = z.infer<typeof JournalKind>;

/** One row, chained: `hash` covers the row and `previousHash`. */
export const JournalEntry = z.strictObject({
  seq: z.int().positive(),
  at: Timestamp,
  kind: JournalKind,
  environmentId: Id.nullable(),
  runId: Id.nullable(),
  stepId: Id.nullable(),
  operator: z.string(),
  /** One sentence for people. */
  summary: z.string(),
  data: z.record(z.string(), z.json()),
  previousHash: Sha256,
  hash: Sha256,
});
export type JournalEntry = z.infer<typeof JournalEntry>;

export const JournalVerification = z.strictObject({
  ok: z.boolean(),
  entries: z.int().nonnegative(),
  headHash: Sha256.nullable(),
  /** The first row whose hash or link is wrong. */
  firstBroken: z.strictObject({ seq: z.int(), reason: z.string() }).nullable(),
});
export type JournalVerification = z.infer<typeof JournalVerification>;

export const journal = {
  /** Newest first; `before` is a seq to page on. */
  list: oc
    .input(
      z.strictObject({
        environmentId: Id.optional(),
        runId: Id.optional(),
        kinds: z.array(JournalKind).optional(),
        text: z.string().max(200).optional(),
        before: z.int().positive().optional(),
        limit: z.int().min(1).max(1000),
      }),
    )
    .output(z.strictObject({ entries: z.array(JournalEntry), total: z.int().nonnegative() })),
  /** New entries as they are written. */
  watch: oc.input(z.strictObject({ environmentId: Id.optional() })).output(eventIterator(JournalEntry)),
  verify: oc.input(z.strictObject({})).output(JournalVerification),
  /** The whole journal, oldest first, for JSON Lines. */
  export: oc.input(z.strictObject({ environmentId: Id.optional() })).output(eventIterator(JournalEntry)),
  note: oc.input(z.strictObject({ environmentId: Id.optional(), text: z.string().trim().min(1).max(4000) })).output(JournalEntry),
};
