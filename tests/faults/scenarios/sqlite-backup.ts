import { sqliteScenario } from '../sqlite.ts';

/** A consistent copy while the service runs and its newest rows are in the log only. */
export const sqliteBackupScenario = sqliteScenario('sqlite-backup');
