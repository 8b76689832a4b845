import type { ProbeOutcome } from '../../../engine/action.ts';
import type { FriendlyFaceApi } from '../../friendlyface/client.ts';
import { count } from '../tools.ts';

/** What is known of a data set from a verified copy of it. */
export interface DataSet {
  readonly events: number;
  /** Hash of the newest event; empty when not known. */
  readonly head: string;
}

/** What the live database holds now. */
export async function liveData(api: FriendlyFaceApi): Promise<DataSet> {
  const { count: events } = await api.chainIntegrity();
  return { events, head: (await api.head()) ?? '' };
}

/**
 * Which of two data sets is live? Events are only ever appended, so a count between the smaller and the larger one can only
 * have grown from the smaller; the newest event's hash decides where it is known. What can't be told is `unknown`.
 */
export function whichIsLive(live: DataSet, wanted: DataSet, other: DataSet): ProbeOutcome['found'] {
  if (live.head !== '' && live.head === wanted.head) return 'done';
  if (live.head !== '' && live.head === other.head) return 'not-done';
  if (wanted.events < other.events) return live.events >= other.events ? 'not-done' : live.events >= wanted.events ? 'done' : 'unknown';
  if (wanted.events > other.events)
    return live.events < wanted.events
      ? live.events >= other.events
        ? 'not-done'
        : 'unknown'
      : live.events === wanted.events
        ? 'done'
        : 'unknown';
  return 'unknown';
}

/** The result in words. */
export function liveWords(found: ProbeOutcome['found'], live: DataSet, wanted: DataSet): string {
  if (found === 'done')
    return `The database holds the wanted data: ${count(live.events, 'event')}${live.events > wanted.events ? `, ${live.events - wanted.events} of them written since` : ''}.`;
  if (found === 'not-done')
    return `The database does not hold the wanted data: ${count(live.events, 'event')} instead of ${wanted.events}.`;
  return `The database holds ${count(live.events, 'event')}; from that it can't be told which data it is.`;
}
