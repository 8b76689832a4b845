import type { LucideIcon } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';
import { Kbd } from './kbd.tsx';

export interface MenuItem {
  readonly title: string;
  readonly note?: string;
  readonly icon?: LucideIcon;
  readonly keys?: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly separated?: boolean;
  onSelect(): void;
}

/** A menu under a button. `trigger` must be one element that takes a ref. */
export function Menu({ trigger, items, align = 'end' }: { trigger: ReactNode; items: readonly MenuItem[]; align?: 'start' | 'end' }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align={align} sideOffset={4} collisionPadding={8}>
          {items.map(({ title, note, icon: Icon, keys, danger, disabled, separated, onSelect }) => (
            <div key={title} role="none">
              {separated === true && <DropdownMenu.Separator className="menu-line" />}
              <DropdownMenu.Item
                className={`menu-item ${danger === true ? 'menu-danger' : ''}`}
                disabled={disabled === true}
                onSelect={onSelect}
              >
                {Icon !== undefined && <Icon size={14} aria-hidden="true" />}
                <span className="grow">
                  {title}
                  {note !== undefined && <span className="menu-note">{note}</span>}
                </span>
                {keys !== undefined && <Kbd keys={keys} />}
              </DropdownMenu.Item>
            </div>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
