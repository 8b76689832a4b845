import type { Action } from '../../../engine/action.ts';
import { backupAction } from './backup.ts';
import { createDatabaseAction } from './create-database.ts';
import { holdAction } from './hold.ts';
import { dropPreviousAction, openPreviousAction } from './previous.ts';
import { restoreAction } from './restore.ts';
import { secureCopyAction } from './secure-copy.ts';
import { swapAction } from './swap.ts';
import { verifyAction } from './verify.ts';

/** The PostgreSQL family: backup and restore. */
export const postgresActions: readonly Action[] = [
  backupAction,
  secureCopyAction,
  createDatabaseAction,
  restoreAction,
  holdAction,
  swapAction,
  verifyAction,
  openPreviousAction,
  dropPreviousAction,
];
