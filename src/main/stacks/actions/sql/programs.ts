import type { StatementDefinition } from '../../statement-schema.ts';
import { applyProgram, columnsProgram, compareProgram, previewProgram, undoProgram } from './postgres-text.ts';
import { applyTold, columnsTold, compareTold, previewTold, undoTold } from './sqlite-text.ts';
import type { Dialect } from './tokens.ts';

/** What is sent for each thing that is done with rows; both dialects answer with the same facts. */
export interface RowPrograms {
  /** `rows=`, `triggers=`, `cascades=`, lines `shown JSON`; when there are not too many: `count=`, `hash=`, lines `image JSON`. */
  preview(definition: StatementDefinition, values: Readonly<Record<string, string>>): string;
  /** `affected=`, `after=`; `verdict=` `changed`, `mismatch` or `committed`. */
  apply(definition: StatementDefinition, values: Readonly<Record<string, string>>, before: string): string;
  /** `count=` and `hash=` of the image's rows as they are now. */
  compare(definition: StatementDefinition, image: string): string;
  /** Lines `column JSON`: name and type; none when there is no such table. */
  columns(table: string): string;
  /** `verdict=` `already`, `conflict`, `mismatch` or `committed`. */
  undo(definition: StatementDefinition, image: string, before: string, after: string): string;
}

const both: Readonly<Record<Dialect, RowPrograms>> = {
  postgres: { preview: previewProgram, apply: applyProgram, compare: compareProgram, columns: columnsProgram, undo: undoProgram },
  sqlite: { preview: previewTold, apply: applyTold, compare: compareTold, columns: columnsTold, undo: undoTold },
};

export const programsFor = (dialect: Dialect): RowPrograms => both[dialect];
