import { useStore } from 'zustand';
import { useStores } from '../app/services.tsx';
import type { Zone } from './format.ts';
import { formatClock, formatDateTime, formatElapsed, formatExact, formatRelative } from './format.ts';
import { useNow, useSecond } from './now.ts';

/** The zone that times are shown in. */
export function useZone(): Zone {
  return useStore(useStores().settings.store, (settings) => settings.data?.timestamps ?? 'local');
}

/** `5 min ago`, with the exact time on hover. */
export function Ago({ at }: { at: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExact(at, useZone())}>
      {formatRelative(at, Math.max(now, at))}
    </time>
  );
}

/** A time that may lie ahead: `in 3 h`, `5 min ago`. */
export function Due({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExact(at, useZone())}>
      {formatRelative(at, useNow())}
    </time>
  );
}

/** A full date and time, with its zone on hover. */
export function Exact({ at }: { at: number }) {
  const zone = useZone();
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExact(at, zone)}>
      {formatDateTime(at, zone)}
    </time>
  );
}

/** The time of day with milliseconds, and the full date on hover. */
export function Clock({ at }: { at: number }) {
  const zone = useZone();
  return (
    <time dateTime={new Date(at).toISOString()} title={formatExact(at, zone)}>
      {formatClock(at, zone)}
    </time>
  );
}

/** Counts the time since. */
export function Since({ at }: { at: number }) {
  return <>{formatElapsed(useSecond() - at)}</>;
}

/** Counts down to a moment. */
export function Until({ at }: { at: number }) {
  const left = at - useSecond();
  return <>{left <= 0 ? 'now' : `in ${formatElapsed(left + 999)}`}</>;
}
