import { backupScenario } from './friendlyface-backup.ts';

/** At a deployment that takes its time a request goes on when its sender is dead: one backup is made all the same. */
export const friendlyFaceLateBackup = backupScenario('friendlyface-late-backup', true);
