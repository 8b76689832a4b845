// biome-ignore-all lint/a11y/useSemanticElements: rows of a virtual list are positioned one by one, which table elements do not allow
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the grid takes the keys for all of its rows
import type { CSSProperties, KeyboardEvent, PointerEvent, ReactNode, Ref, WheelEvent } from 'react';

interface GridFrameProps {
  readonly ref: Ref<HTMLDivElement>;
  readonly label: string;
  readonly className?: string;
  /** Rows without the header. */
  readonly count: number;
  /** Id of the row that the keys act on, when it is in the page. */
  readonly active: string | undefined;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onScroll?: () => void;
  readonly onWheel?: (event: WheelEvent) => void;
  readonly onPointerDown?: (event: PointerEvent) => void;
  readonly children: ReactNode;
}

/** The scrolling grid. It keeps the focus; its rows are named, not focused. */
export function GridFrame({
  ref,
  label,
  className = '',
  count,
  active,
  onKeyDown,
  onScroll,
  onWheel,
  onPointerDown,
  children,
}: GridFrameProps) {
  return (
    <div
      ref={ref}
      className={`grid ${className}`}
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={count + 1}
      aria-activedescendant={active}
      onKeyDown={onKeyDown}
      onScroll={onScroll}
      onWheel={onWheel}
      onPointerDown={onPointerDown}
    >
      {children}
    </div>
  );
}

/** The header row. */
export function GridHead({
  layout,
  columns,
}: {
  layout: string;
  columns: readonly { readonly title: string; readonly right?: boolean }[];
}) {
  return (
    <div className={`grid-row grid-head ${layout}`} role="row" aria-rowindex={1}>
      {columns.map(({ title, right }) => (
        <span key={title} role="columnheader" className={right === true ? 'right' : undefined}>
          {title}
        </span>
      ))}
    </div>
  );
}

/** What holds the rows, as high as all of them together. */
export function GridBody({ height, children }: { height: number; children: ReactNode }) {
  return (
    <div className="grid-body" role="rowgroup" style={{ height }}>
      {children}
    </div>
  );
}

interface GridRowProps {
  readonly id: string;
  /** From 0, without the header. */
  readonly index: number;
  readonly selected: boolean;
  readonly className: string;
  readonly style: CSSProperties;
  readonly ref?: Ref<HTMLDivElement> | undefined;
  readonly onClick: () => void;
  readonly onDoubleClick?: (() => void) | undefined;
  readonly children: ReactNode;
}

/** One row, at its place. */
export function GridRow({ id, index, selected, className, style, ref, onClick, onDoubleClick, children }: GridRowProps) {
  return (
    <div
      ref={ref}
      id={id}
      data-index={index}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={`grid-row ${selected ? 'is-selected' : ''} ${className}`}
      style={style}
      onClick={onClick}
      onDoubleClick={onDoubleClick}
    >
      {children}
    </div>
  );
}

interface GridCellProps {
  readonly className?: string | undefined;
  readonly title?: string | undefined;
  /** Columns it covers. */
  readonly span?: number | undefined;
  readonly children?: ReactNode;
}

export function GridCell({ className, title, span, children }: GridCellProps) {
  return (
    <span role="gridcell" className={className} title={title} aria-colspan={span}>
      {children}
    </span>
  );
}
