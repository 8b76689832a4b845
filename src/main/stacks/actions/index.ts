import type { Action, ActionRegistry } from '../../engine/action.ts';
import { cleanupAction } from './friendlyface/cleanup.ts';
import { ensureBackupAction, secureCopyAction, verifyBackupAction } from './friendlyface/copy-actions.ts';
import { createBackup } from './friendlyface/create-backup.ts';
import { migrationDownAction } from './friendlyface/migration-down.ts';
import { migrationDryRunAction, migrationsStatusAction } from './friendlyface/migrations.ts';
import { restartAction } from './friendlyface/restart.ts';
import { restoreAction } from './friendlyface/restore.ts';
import { verifyRestoreAction } from './friendlyface/verify-restore.ts';
import { httpProbeAction } from './http-probe.ts';
import { postgresActions } from './postgres/index.ts';
import { recoveryActions } from './recovery/index.ts';
import { rotationActions } from './rotation/index.ts';
import { healthyAction } from './service/healthy.ts';
import { rebuildAction, recreateAction, redeployAction } from './service/recreate.ts';
import { restartServiceAction } from './service/restart.ts';
import { startAction, stopAction } from './service/start-stop.ts';
import { setFlagAction } from './sql/flags.ts';
import { sqlStatusAction } from './sql/migration-status.ts';
import { sqlDownAction, sqlDryRunAction } from './sql/migrations.ts';
import { previewAction, statementAction } from './sql/statement.ts';
import { sqliteActions } from './sqlite/index.ts';
import type { ActionTools } from './tools.ts';

/** Every action a stack can refer to. */
export function createActions(tools: ActionTools): ActionRegistry {
  const all: readonly Action[] = [
    httpProbeAction,
    ...recoveryActions,
    startAction,
    stopAction,
    restartServiceAction,
    recreateAction,
    rebuildAction,
    redeployAction,
    healthyAction,
    createBackup,
    secureCopyAction(tools),
    ensureBackupAction,
    verifyBackupAction,
    restoreAction(tools),
    restartAction,
    verifyRestoreAction,
    cleanupAction,
    migrationsStatusAction,
    migrationDryRunAction,
    migrationDownAction(tools),
    ...postgresActions,
    ...rotationActions,
    previewAction,
    statementAction,
    setFlagAction,
    ...sqliteActions(tools),
    sqlStatusAction,
    sqlDryRunAction,
    sqlDownAction,
  ];
  return new Map(all.map((action) => [action.id, action]));
}
