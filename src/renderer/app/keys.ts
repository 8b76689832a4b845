import type { CommandsStore } from './commands-store.ts';
import { allCommands } from './commands-store.ts';

const SEQUENCE_MS = 1200;

/** What of a key event counts. */
export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** The name of a key press as commands write it: `mod+k`, `g`, `?`, `shift+enter`. */
export function keyName({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyPress): string {
  const plain = key.length === 1 ? key.toLowerCase() : key.toLowerCase();
  // A printed character such as `?` already says that shift was held.
  const shift = shiftKey && key.length > 1 ? 'shift+' : '';
  return `${ctrlKey || metaKey ? 'mod+' : ''}${altKey ? 'alt+' : ''}${shift}${plain}`;
}

/** Reads key presses in a row. Gives the ids to carry out, by the names of the keys pressed. */
export function createKeyReader(now: () => number = () => performance.now()) {
  let held: { keys: string; at: number } | undefined;
  return (press: KeyPress, bindings: ReadonlyMap<string, string>): { id?: string; waiting: boolean } => {
    const name = keyName(press);
    const keys = held !== undefined && now() - held.at < SEQUENCE_MS ? `${held.keys} ${name}` : name;
    held = undefined;
    const id = bindings.get(keys) ?? bindings.get(name);
    if (id !== undefined) return { id, waiting: false };
    const waiting = [...bindings.keys()].some((binding) => binding.startsWith(`${keys} `));
    if (waiting) held = { keys, at: now() };
    return { waiting };
  };
}

/** True where a letter is text and not a command. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'submit'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Listens for the shortcuts of all offered commands. Dialogs keep theirs: only `mod+` works above one. */
export function listenForKeys(page: Window, store: CommandsStore): () => void {
  const read = createKeyReader();
  const onKey = (event: KeyboardEvent): void => {
    if (
      event.defaultPrevented ||
      event.isComposing ||
      event.key === 'Control' ||
      event.key === 'Meta' ||
      event.key === 'Shift' ||
      event.key === 'Alt'
    )
      return;
    const mod = event.ctrlKey || event.metaKey;
    const inDialog = page.document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]') !== null;
    if (!mod && (isTyping(event.target) || inDialog)) return;
    const bindings = new Map<string, string>();
    const commands = allCommands(store.getState());
    for (const { id, keys } of commands) if (keys !== undefined) bindings.set(keys, id);
    const { id } = read(event, bindings);
    if (id === undefined) return;
    event.preventDefault();
    commands.findLast((command) => command.id === id)?.run();
  };
  page.addEventListener('keydown', onKey);
  return () => page.removeEventListener('keydown', onKey);
}
