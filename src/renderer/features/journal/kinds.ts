import type { JournalEntry, JournalKind } from '../../../contract/journal.ts';

/** Kinds as people sort them. */
export const groups = {
  runs: 'Runs and steps',
  backups: 'Backups',
  health: 'Probes and alerts',
  keys: 'Host keys and secrets',
  profiles: 'Environments',
  notes: 'Notes',
  app: 'Quarterdeck',
} as const;
export type Group = keyof typeof groups;

const groupOf: Readonly<Record<JournalKind, Group>> = {
  'environment-created': 'profiles',
  'environment-changed': 'profiles',
  'environment-removed': 'profiles',
  'secret-set': 'keys',
  'secret-cleared': 'keys',
  'secret-staged': 'keys',
  'secret-promoted': 'keys',
  'secret-demoted': 'keys',
  'secret-discarded': 'keys',
  'host-key-trusted': 'keys',
  'host-key-refused': 'keys',
  'host-key-forgotten': 'keys',
  'probe-flipped': 'health',
  'alert-flipped': 'health',
  'backup-verified': 'backups',
  'backup-downloaded': 'backups',
  'run-started': 'runs',
  'step-intended': 'runs',
  'step-ended': 'runs',
  'step-probed': 'runs',
  'run-ended': 'runs',
  'revert-started': 'runs',
  'undo-intended': 'runs',
  'undo-ended': 'runs',
  'revert-ended': 'runs',
  'run-cancelled': 'runs',
  'run-paused': 'runs',
  'run-resumed': 'runs',
  'host-lock-removed': 'runs',
  'run-interrupted': 'runs',
  'note-added': 'notes',
  'app-started': 'app',
};

/** The kinds of a group, for the host's filter. */
export function kindsOf(group: Group): JournalKind[] {
  return (Object.keys(groupOf) as JournalKind[]).filter((kind) => groupOf[kind] === group);
}

/** `Step ended` for `step-ended`. */
export function kindWords(kind: JournalKind): string {
  const words = kind.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** True when a new entry belongs to what is shown. Text is looked for in the sentence and the data, as the host does. */
export function passes(
  entry: JournalEntry,
  { environmentId, runId, group, text }: { environmentId: string | undefined; runId: string | undefined; group: Group | ''; text: string },
): boolean {
  if (environmentId !== undefined && entry.environmentId !== environmentId) return false;
  if (runId !== undefined && entry.runId !== runId) return false;
  if (group !== '' && groupOf[entry.kind] !== group) return false;
  const sought = text.trim().toLowerCase();
  return sought === '' || `${entry.summary} ${JSON.stringify(entry.data)}`.toLowerCase().includes(sought);
}
