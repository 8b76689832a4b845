export type { JournalWriter } from '../engine/journal-writer.ts';
