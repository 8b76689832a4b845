import { z } from 'zod';
import { Id } from '../../contract/common.ts';

/** A column or table, as it is written in the database; always quoted when it is sent. */
export const SqlName = z.string().regex(/^[\p{L}_][\p{L}\p{N}_$]{0,62}$/u, 'the name of a column or table');
/** `table` or `schema.table`. */
export const SqlTable = z.string().regex(/^[\p{L}_][\p{L}\p{N}_$]{0,62}(\.[\p{L}_][\p{L}\p{N}_$]{0,62})?$/u, 'a table, or schema.table');

/** A value that a run gives to a statement. Nothing but its value is the run's. */
export const StatementParameter = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/),
  title: z.string().min(1).max(80),
  type: z.enum(['text', 'uuid', 'integer', 'boolean', 'percentage']),
});
export type StatementParameter = z.infer<typeof StatementParameter>;

/** One statement that changes rows of one table, with what is needed to show it before and to take it back. Constant text of the stack. */
export const StatementDefinition = z.strictObject({
  id: Id,
  title: z.string().min(1).max(80),
  engine: z.enum(['postgres', 'sqlite']),
  table: SqlTable,
  /** What names a row of the table. */
  key: z.array(SqlName).min(1).max(4),
  parameters: z.array(StatementParameter).max(10).default([]),
  /** A SELECT of the rows that will be affected; it gives the key, and what a person wants to see. */
  preview: z.string().min(1).max(4000),
  /** One UPDATE or DELETE of that table. */
  sql: z.string().min(1).max(4000),
  /** UPDATE: the columns it may change; they are kept and can be written back. DELETE: none, whole rows are kept. */
  snapshot: z.array(SqlName).max(50).default([]),
  /** More rows are refused. */
  max_rows: z.int().min(1).max(5000).default(100),
  /** Columns of the preview that are not shown. */
  masked: z.array(SqlName).max(50).default([]),
});
export type StatementDefinition = z.infer<typeof StatementDefinition>;
