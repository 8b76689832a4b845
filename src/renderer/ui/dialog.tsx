import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { IconButton } from './button.tsx';

interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly size?: 'small' | 'medium' | 'large';
  readonly children: ReactNode;
  readonly footer?: ReactNode;
}

/** A dialog above everything. Escape and the cross close it; focus returns to where it came from. */
export function Dialog({ open, onClose, title, description, size = 'medium', children, footer }: DialogProps) {
  return (
    <Radix.Root open={open} onOpenChange={(next) => (next ? undefined : onClose())}>
      <Radix.Portal>
        <Radix.Overlay className="dialog-overlay" />
        <Radix.Content className={`dialog dialog-${size}`} {...(description === undefined ? { 'aria-describedby': undefined } : {})}>
          <header className="dialog-head">
            <div className="grow">
              <Radix.Title className="dialog-title">{title}</Radix.Title>
              {description !== undefined && <Radix.Description className="muted">{description}</Radix.Description>}
            </div>
            <Radix.Close asChild>
              <IconButton icon={X} label="Close" />
            </Radix.Close>
          </header>
          <div className="dialog-body">{children}</div>
          {footer !== undefined && <footer className="dialog-foot">{footer}</footer>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
