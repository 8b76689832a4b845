import type { Migration } from '../store.ts';
import { environments } from './0001-environments.ts';
import { journal } from './0002-journal.ts';
import { health } from './0003-health.ts';
import { backups } from './0004-backups.ts';
import { runOutput } from './0005-run-output.ts';
import { secretSlots } from './0006-secret-slots.ts';

/** Every migration, in order. */
export const migrations: readonly Migration[] = [environments, journal, health, backups, runOutput, secretSlots];
