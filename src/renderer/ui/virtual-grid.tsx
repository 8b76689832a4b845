import { useVirtualizer } from '@tanstack/react-virtual';
import type { KeyboardEvent, ReactNode } from 'react';
import { useEffect, useId, useRef } from 'react';
import { useRowHeight } from '../app/theme.ts';
import { GridBody, GridCell, GridFrame, GridHead, GridRow } from './grid-parts.tsx';
import { moveInList } from './list-keys.ts';

export interface GridColumn<T> {
  readonly id: string;
  readonly title: string;
  readonly right?: boolean;
  cell(row: T): ReactNode;
}

interface VirtualGridProps<T> {
  readonly label: string;
  readonly columns: readonly GridColumn<T>[];
  /** The class that gives `grid-template-columns`. */
  readonly layout: string;
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly selected: string | undefined;
  readonly onSelect: (row: T) => void;
  /** Enter or a double click. */
  readonly onOpen?: (row: T) => void;
  /** The last rows are on the screen: load more. */
  readonly onEnd?: () => void;
  readonly rowHeight?: number;
}

/** A list of any length as a grid: only what is on the screen is in the page; arrows, j and k move, Enter opens. */
export function VirtualGrid<T>({
  label,
  columns,
  layout,
  rows,
  rowKey,
  selected,
  onSelect,
  onOpen,
  onEnd,
  rowHeight: comfortable = 34,
}: VirtualGridProps<T>) {
  const id = useId();
  const rowHeight = useRowHeight(comfortable);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another density is the reason to measure
  useEffect(() => {
    virtual.measure();
  }, [rowHeight, virtual]);
  const items = virtual.getVirtualItems();
  const index = selected === undefined ? -1 : rows.findIndex((row) => rowKey(row) === selected);
  const lastShown = items.at(-1)?.index ?? -1;

  useEffect(() => {
    if (lastShown >= rows.length - 1 && rows.length > 0) onEnd?.();
  }, [lastShown, rows.length, onEnd]);

  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? rowHeight) / rowHeight) - 2);
    const to = moveInList(event.key, index, rows.length, page);
    const row = rows[to ?? index];
    if (row === undefined) return;
    if (to !== undefined) {
      event.preventDefault();
      onSelect(row);
      virtual.scrollToIndex(to);
    } else if (event.key === 'Enter' && onOpen !== undefined) {
      event.preventDefault();
      onOpen(row);
    }
  };

  const active = items.some((item) => item.index === index) ? `${id}-${index}` : undefined;
  return (
    <GridFrame ref={scroller} label={label} count={rows.length} active={active} onKeyDown={onKey}>
      <GridHead layout={layout} columns={columns} />
      <GridBody height={virtual.getTotalSize()}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <GridRow
              key={rowKey(row)}
              id={`${id}-${item.index}`}
              index={item.index}
              selected={item.index === index}
              className={layout}
              style={{ height: rowHeight, transform: `translateY(${item.start}px)` }}
              onClick={() => onSelect(row)}
              onDoubleClick={onOpen === undefined ? undefined : () => onOpen(row)}
            >
              {columns.map((column) => (
                <GridCell key={column.id} className={`grid-cell ${column.right === true ? 'right' : ''}`}>
                  {column.cell(row)}
                </GridCell>
              ))}
            </GridRow>
          );
        })}
      </GridBody>
    </GridFrame>
  );
}
