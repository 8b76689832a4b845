import { sqliteScenario } from '../sqlite.ts';

/** A backup swapped in for a live file whose log would bring the old data back. */
export const sqliteRestoreScenario = sqliteScenario('sqlite-restore');
