import { useStore } from 'zustand';
import { Dialog } from '../ui/dialog.tsx';
import { Kbd } from '../ui/kbd.tsx';
import { allCommands, commandGroups } from './commands-store.ts';
import { useStores } from './services.tsx';

const inLists: readonly [string, string][] = [
  ['j', 'Next row'],
  ['k', 'Previous row'],
  ['enter', 'Open the row'],
  ['home', 'First row'],
  ['end', 'Last row'],
];

/** All shortcuts that work on this screen. */
export function ShortcutSheet() {
  const { commands } = useStores();
  const state = useStore(commands);
  const close = (): void => commands.setState({ sheet: false });
  if (!state.sheet) return null;
  const offered = allCommands(state).filter((command) => command.keys !== undefined);
  const groups = commandGroups
    .map((group) => ({ group, of: offered.filter((command) => command.group === group) }))
    .filter(({ of }) => of.length > 0);
  return (
    <Dialog onClose={close} title="Keyboard shortcuts" description="Everything else is in the command palette." size="large">
      <div className="sheet">
        {groups.map(({ group, of }) => (
          <section key={group}>
            <h3>{group}</h3>
            <ul>
              {of.map((command) => (
                <li key={command.id}>
                  <span className="grow">{command.title}</span>
                  <SpokenKeys keys={command.keys ?? ''} />
                </li>
              ))}
            </ul>
          </section>
        ))}
        <section>
          <h3>In lists</h3>
          <ul>
            {inLists.map(([keys, title]) => (
              <li key={keys}>
                <span className="grow">{title}</span>
                <SpokenKeys keys={keys} />
              </li>
            ))}
          </ul>
        </section>
      </div>
    </Dialog>
  );
}

function SpokenKeys({ keys }: { keys: string }) {
  return (
    <>
      <span className="visually-hidden">{keys.replace('mod', 'Control or Command')}</span>
      <Kbd keys={keys} />
    </>
  );
}
