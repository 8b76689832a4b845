import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import type { KeyboardEvent, PointerEvent, WheelEvent } from 'react';
import { useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { useRowHeight } from '../../app/theme.ts';
import { plural } from '../../ui/format.ts';
import { GridBody, GridFrame, GridHead, GridRow } from '../../ui/grid-parts.tsx';
import { moveInList } from '../../ui/list-keys.ts';
import { LogCells } from './log-row.tsx';
import type { LogRow } from './ring.ts';

const ROW = 22;
const NEAR_END = 24;
const right = true;
const columns = [
  { title: 'Time' },
  { title: 'Level' },
  { title: 'Logger' },
  { title: 'Message' },
  { title: 'Status', right },
  { title: 'Took', right },
  { title: 'Request' },
];

interface LogListProps {
  /** Rows from `first` to before `end`, by number. */
  readonly first: number;
  readonly end: number;
  readonly at: (number: number) => LogRow | undefined;
  /** The newest row is kept in sight until somebody scrolls up. */
  readonly follow: boolean;
  readonly wrap: boolean;
  readonly sought: string;
  readonly selected: number | undefined;
  readonly onSelect: (number: number | undefined) => void;
  /** Somebody began to read further up, or is back at the end. */
  readonly onHold?: (held: boolean) => void;
  readonly onRequest: (requestId: string) => void;
}

/**
 * Any number of log rows. While the end is in sight new rows push it on; once somebody scrolls up the view stands still,
 * whatever comes in, and what came meanwhile is counted.
 */
export function LogList({ first, end, at, follow, wrap, sought, selected, onSelect, onHold, onRequest }: LogListProps) {
  const id = useId();
  const rowHeight = useRowHeight(ROW);
  const scroller = useRef<HTMLDivElement>(null);
  const [held, setHeld] = useState<number>();
  const shownEnd = Math.max(first, held ?? end);
  const getItemKey = useCallback((index: number) => first + index, [first]);
  const virtual = useVirtualizer({
    count: shownEnd - first,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey,
    overscan: 20,
  });
  const fresh = held === undefined ? 0 : Math.max(0, end - Math.max(held, first));

  useEffect(() => onHold?.(held !== undefined), [onHold, held]);

  // The rows were cleared: there is nothing left to hold.
  useEffect(() => {
    if (held !== undefined && held > end) setHeld(undefined);
  }, [held, end]);

  useLayoutEffect(() => {
    if (follow && held === undefined && end > first) virtual.scrollToIndex(end - first - 1, { align: 'end' });
  }, [follow, held, end, first, virtual]);

  // Another wrapping is another height for every row.
  // biome-ignore lint/correctness/useExhaustiveDependencies: wrapping and density are the reason to measure
  useEffect(() => {
    virtual.measure();
  }, [wrap, rowHeight, virtual]);

  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null || !follow) return;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
    if (atEnd && held !== undefined && fresh === 0) setHeld(undefined);
    // Only a scroll upwards by the reader holds the view; growth at the end does not.
    if (!atEnd && held === undefined && element.scrollTop < lastTop.current - 2) setHeld(end);
    lastTop.current = element.scrollTop;
  };
  const lastTop = useRef(0);

  // The reader's hand holds the view at once. Waiting for the scroll it causes would be too late: lines that come in
  // meanwhile pull the view to the end again, and the reader loses the fight.
  const hold = (): void => {
    const element = scroller.current;
    if (follow && held === undefined && element !== null && element.scrollHeight > element.clientHeight) flushSync(() => setHeld(end));
  };
  const onWheel = (event: WheelEvent): void => {
    if (event.deltaY < 0) hold();
  };
  const onPointerDown = (event: PointerEvent): void => {
    // On the grid itself is on its scroll bar; rows have a press of their own.
    if (event.target === event.currentTarget) hold();
  };

  const toEnd = useCallback(() => {
    setHeld(undefined);
    onSelect(undefined);
  }, [onSelect]);

  const select = (number: number): void => {
    if (held === undefined && follow) setHeld(end);
    onSelect(number);
  };

  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    if (event.key === 'Escape' && (selected !== undefined || held !== undefined)) {
      event.preventDefault();
      toEnd();
      return;
    }
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? rowHeight) / rowHeight) - 2);
    const to = moveInList(event.key, selected === undefined ? -1 : selected - first, shownEnd - first, page);
    if (to === undefined) return;
    event.preventDefault();
    select(first + to);
    virtual.scrollToIndex(to);
  };

  const items = virtual.getVirtualItems();
  const active = selected !== undefined && items.some(({ index }) => first + index === selected) ? `${id}-${selected}` : undefined;
  return (
    <div className="log-frame">
      <GridFrame
        ref={scroller}
        label="Log lines"
        className={`log-grid ${wrap ? 'log-wrap' : ''}`}
        count={shownEnd - first}
        active={active}
        onScroll={onScroll}
        onWheel={onWheel}
        onPointerDown={onPointerDown}
        onKeyDown={onKey}
      >
        <GridHead layout="log-columns" columns={columns} />
        <GridBody height={virtual.getTotalSize()}>
          {items.map((item) => {
            const number = first + item.index;
            const row = at(number);
            if (row === undefined) return null;
            return (
              <GridRow
                key={number}
                id={`${id}-${number}`}
                ref={wrap ? virtual.measureElement : undefined}
                index={item.index}
                selected={number === selected}
                className={`log-columns log-row ${row.kind === 'line' ? `row-${row.line.level ?? 'none'}` : ''}`}
                style={{ transform: `translateY(${item.start}px)` }}
                onClick={() => select(number)}
              >
                <LogCells row={row} sought={sought} onRequest={onRequest} />
              </GridRow>
            );
          })}
        </GridBody>
      </GridFrame>
      {held !== undefined && (
        <button type="button" className="log-new" onClick={toEnd}>
          <ArrowDown size={14} aria-hidden="true" />
          {fresh > 0 ? `${plural(fresh, 'new line')}` : 'To the newest'}
        </button>
      )}
    </div>
  );
}
