import type { JournalEntry } from '../../../src/contract/journal.ts';
import type { Gate } from './gate.ts';
import { entryOf } from './journal.ts';
import { createHub } from './streams.ts';

const JOURNAL = 12_000;

/** A long journal, to which notes can be added. */
export function createJournal(gate: Gate, empty: boolean) {
  const journalHub = createHub<JournalEntry>();
  const journal: JournalEntry[] = [];
  const entries = (): JournalEntry[] =>
    [...journal].reverse().concat(empty ? [] : Array.from({ length: JOURNAL }, (_, place) => entryOf(JOURNAL - place, JOURNAL)));
  return {
    journal: {
      list: gate.journal.list.handler(({ input }) => {
        const all = entries().filter(
          (entry) =>
            (input.environmentId === undefined || entry.environmentId === input.environmentId) &&
            (input.runId === undefined || entry.runId === input.runId) &&
            (input.kinds === undefined || input.kinds.includes(entry.kind)) &&
            (input.text === undefined || entry.summary.toLowerCase().includes(input.text.toLowerCase())),
        );
        return {
          entries: all.filter(({ seq }) => input.before === undefined || seq < input.before).slice(0, input.limit),
          total: all.length,
        };
      }),
      watch: gate.journal.watch.handler(({ signal }) => journalHub.stream([], signal)),
      verify: gate.journal.verify.handler(() => ({ ok: true, entries: JOURNAL, headHash: 'cd'.repeat(32), firstBroken: null })),
      export: gate.journal.export.handler(async function* () {
        for (const entry of entries().slice(0, 500).reverse()) yield entry;
        return undefined;
      }),
      note: gate.journal.note.handler(({ input }) => {
        const entry: JournalEntry = {
          ...entryOf(JOURNAL + journal.length + 1, JOURNAL),
          kind: 'note-added',
          at: Date.now(),
          environmentId: input.environmentId ?? null,
          runId: null,
          stepId: null,
          summary: input.text,
          data: {},
        };
        journal.push(entry);
        journalHub.send(entry);
        return entry;
      }),
    },
  };
}
