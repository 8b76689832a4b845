import type { JournalEntry, JournalKind } from '../../contract/journal.ts';

/** What a caller says; time, operator and chain are the journal's. */
export interface NewJournalEntry {
  readonly kind: JournalKind;
  readonly environmentId?: string;
  readonly runId?: string;
  readonly stepId?: string;
  /** One sentence for people. */
  readonly summary: string;
  readonly data?: JournalEntry['data'];
}

/** Appends to the journal. */
export interface JournalWriter {
  /** Durable when it returns. @throws Problem `journal-unwritable`: then nothing may be done that had to be recorded first. */
  append(entry: NewJournalEntry): JournalEntry;
}
