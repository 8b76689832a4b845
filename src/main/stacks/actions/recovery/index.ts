import type { Action } from '../../../engine/action.ts';
import { advanceAction } from './advance.ts';
import { archiveWalAction } from './archive-wal.ts';
import { baseBackupAction } from './base-backup.ts';
import { discardAction } from './discard.ts';
import { inspectAction } from './inspect.ts';
import { promoteAction } from './promote.ts';
import { recoverAction } from './recover.ts';
import { verifyAction } from './verify.ts';

/** Point-in-time recovery of PostgreSQL. */
export const recoveryActions: readonly Action[] = [
  baseBackupAction,
  archiveWalAction,
  recoverAction,
  inspectAction,
  advanceAction,
  promoteAction,
  verifyAction,
  discardAction,
];
