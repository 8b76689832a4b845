import type { ShellCommand } from '../../contract/wire.ts';
import type { CommandsStore } from './commands-store.ts';
import { runCommand } from './commands-store.ts';

/** Menu entries of the desktop shell, as the commands of this window that do them. */
const byEntry: Readonly<Record<ShellCommand, string>> = {
  'environment-new': 'environment-new',
  'environment-import': 'environment-import',
  'settings-open': 'go-settings',
  'palette-open': 'palette',
  find: 'find',
  'reload-data': 'reload',
  'go-overview': 'go-overview',
  'go-logs': 'go-logs',
  'go-backups': 'go-backups',
  'go-runs': 'go-runs',
  'go-journal': 'go-journal',
  'go-back': 'go-back',
  'go-forward': 'go-forward',
  'shortcuts-show': 'shortcuts',
  'about-show': 'go-settings',
};

export function runShellCommand(store: CommandsStore, entry: ShellCommand): void {
  runCommand(store, byEntry[entry]);
}
