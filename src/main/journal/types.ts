export type { JournalWriter, NewJournalEntry } from '../engine/journal-writer.ts';
