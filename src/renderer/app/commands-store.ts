import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';

/** Something that can be done from the palette, by a shortcut, or both. */
export interface Command {
  /** Stable name: `go-logs`, `backup-create`. */
  readonly id: string;
  readonly title: string;
  readonly group: CommandGroup;
  /** Keys in a row, for example `g o`, `?` or `mod+k`. */
  readonly keys?: string | undefined;
  /** Other words somebody may type. */
  readonly words?: string | undefined;
  /** Dim text beside the title. */
  readonly note?: string | undefined;
  /** Only a shortcut or a menu entry, not in the palette. */
  readonly hidden?: boolean | undefined;
  run(): void;
}

export type CommandGroup = 'Here' | 'Go to' | 'Environment' | 'Environments' | 'Demo' | 'Quarterdeck';
export const commandGroups: readonly CommandGroup[] = ['Here', 'Go to', 'Environment', 'Environments', 'Demo', 'Quarterdeck'];

export interface CommandsState {
  /** By the component that offers them; later ones win over earlier ones with the same keys. */
  readonly offered: ReadonlyMap<symbol, readonly Command[]>;
  readonly palette: boolean;
  readonly sheet: boolean;
}

export type CommandsStore = StoreApi<CommandsState>;

export function createCommandsStore(): CommandsStore {
  return createStore<CommandsState>(() => ({ offered: new Map(), palette: false, sheet: false }));
}

/** All commands that can be given now. */
export function allCommands({ offered }: CommandsState): Command[] {
  return [...offered.values()].flat();
}

/** Carries out a command by its id; false when it is not offered now. */
export function runCommand(store: CommandsStore, id: string): boolean {
  const found = allCommands(store.getState()).findLast((command) => command.id === id);
  found?.run();
  return found !== undefined;
}
