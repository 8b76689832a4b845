import { expect, it } from 'vitest';
import type { JournalEntry } from '../../../contract/journal.ts';
import { JournalKind } from '../../../contract/journal.ts';
import type { Group } from './kinds.ts';
import { groups, kindsOf, kindWords, passes } from './kinds.ts';

it('puts every kind into exactly one group', () => {
  const all = (Object.keys(groups) as Group[]).flatMap(kindsOf);
  expect(all.toSorted()).toEqual([...JournalKind.options].sort());
});

it('says a kind in words', () => expect(kindWords('run-ended')).toBe('Run ended'));

it('lets a new entry in only where it belongs', () => {
  const entry = {
    environmentId: 'eu',
    runId: 'r-1',
    kind: 'step-ended',
    summary: 'Restored',
    data: { file: 'ff_1.db' },
  } as unknown as JournalEntry;
  const filter = { environmentId: undefined, runId: undefined, group: '' as const, text: '' };
  expect(passes(entry, filter)).toBe(true);
  expect(passes(entry, { ...filter, environmentId: 'us' })).toBe(false);
  expect(passes(entry, { ...filter, runId: 'r-2' })).toBe(false);
  expect(passes(entry, { ...filter, group: 'health' })).toBe(false);
  expect(passes(entry, { ...filter, text: 'FF_1' })).toBe(true);
  expect(passes(entry, { ...filter, text: 'gone' })).toBe(false);
});
