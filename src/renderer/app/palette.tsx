import { Command as Cmdk } from 'cmdk';
import { Dialog as Radix } from 'radix-ui';
import { useRef, useState } from 'react';
import { useStore } from 'zustand';
import { Kbd } from '../ui/kbd.tsx';
import { useReturnFocus } from '../ui/return-focus.ts';
import type { Command } from './commands-store.ts';
import { allCommands, commandGroups } from './commands-store.ts';
import { useStores } from './services.tsx';

/** Every command that can be given now, by typing some of its letters. */
export function Palette() {
  const { commands } = useStores();
  const state = useStore(commands);
  const giveBack = useReturnFocus();
  const chosen = useRef<Command>(undefined);
  const close = (): void => commands.setState({ palette: false });
  const run = (command: Command): void => {
    chosen.current = command;
    close();
  };
  const [typed, setTyped] = useState('');
  const runChosen = (): void => {
    giveBack();
    chosen.current?.run();
  };
  const offered = allCommands(state).filter((command) => command.hidden !== true);
  const items = (of: readonly Command[]) =>
    of.map((command) => (
      <Cmdk.Item
        key={command.id}
        value={`${command.title} ${command.id}`}
        keywords={[command.words ?? '', command.note ?? '', command.group]}
        onSelect={() => run(command)}
      >
        <span className="grow truncate">{command.title}</span>
        {command.note !== undefined && <span className="faint truncate palette-note">{command.note}</span>}
        {command.keys !== undefined && <Kbd keys={command.keys} />}
      </Cmdk.Item>
    ));
  return (
    <Radix.Root open onOpenChange={(open) => (open ? undefined : close())}>
      <Radix.Portal>
        <Radix.Overlay className="dialog-overlay" />
        <Radix.Content className="palette" aria-describedby={undefined} onCloseAutoFocus={runChosen}>
          <Radix.Title className="visually-hidden">Command palette</Radix.Title>
          <Cmdk label="Commands" loop>
            <Cmdk.Input
              className="palette-input"
              placeholder="Type a command, an environment or a screen…"
              value={typed}
              onValueChange={setTyped}
            />
            <Cmdk.List className="palette-list" label="Commands">
              <Cmdk.Empty>No command by that name here.</Cmdk.Empty>
              {/* What is sought is ranked over all groups: cmdk does not put a group with a better hit before another one. */}
              {typed.trim() !== ''
                ? items(offered)
                : commandGroups.map((group) => {
                    const of = offered.filter((command) => command.group === group);
                    if (of.length === 0) return null;
                    return (
                      <Cmdk.Group key={group} heading={group}>
                        {items(of)}
                      </Cmdk.Group>
                    );
                  })}
            </Cmdk.List>
          </Cmdk>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
