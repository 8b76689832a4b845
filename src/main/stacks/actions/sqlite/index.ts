import type { Action } from '../../../engine/action.ts';
import type { ActionTools } from '../tools.ts';
import { backupAction } from './backup.ts';
import { sqliteSecureCopyAction } from './secure-copy.ts';
import { stageAction } from './stage.ts';
import { swapAction } from './swap.ts';
import { verifySqliteBackupAction } from './verify-backup.ts';
import { verifyLiveAction } from './verify-live.ts';

/** Backup and restore of a SQLite file on the host. */
export const sqliteActions = (tools: ActionTools): readonly Action[] => [
  backupAction,
  sqliteSecureCopyAction(tools),
  verifySqliteBackupAction,
  stageAction,
  swapAction,
  verifyLiveAction,
];
