import type { LucideIcon } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { Kbd } from './kbd.tsx';

export type ButtonTone = 'plain' | 'primary' | 'danger' | 'ghost';

interface ButtonProps extends ComponentProps<'button'> {
  readonly tone?: ButtonTone;
  readonly icon?: LucideIcon;
  /** Work that was begun by this button is under way. */
  readonly busy?: boolean;
  readonly small?: boolean;
  readonly keys?: string;
  readonly children: ReactNode;
}

/** A button with words. Busy keeps its width, so that nothing moves. */
export function Button({
  tone = 'plain',
  icon: Icon,
  busy = false,
  small = false,
  keys,
  children,
  className = '',
  disabled,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      className={`button button-${tone} ${small ? 'button-small' : ''} ${className}`}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {Icon !== undefined && <Icon size={14} aria-hidden="true" className={busy ? 'spin-slow' : undefined} />}
      <span>{children}</span>
      {keys !== undefined && <Kbd keys={keys} />}
    </button>
  );
}

interface IconButtonProps extends ComponentProps<'button'> {
  readonly icon: LucideIcon;
  /** What it does: its accessible name and its tooltip. */
  readonly label: string;
  readonly pressed?: boolean;
  readonly busy?: boolean;
}

/** A button with only an icon. */
export function IconButton({ icon: Icon, label, pressed, busy = false, className = '', ...rest }: IconButtonProps) {
  return (
    <button type="button" className={`icon-button ${className}`} aria-label={label} title={label} aria-pressed={pressed} {...rest}>
      <Icon size={15} aria-hidden="true" className={busy ? 'spin' : undefined} />
    </button>
  );
}

/** A link that looks like a button: it goes somewhere. */
export function ButtonLink({
  href,
  tone = 'plain',
  icon: Icon,
  small = false,
  children,
}: {
  href: string;
  tone?: ButtonTone;
  icon?: LucideIcon;
  small?: boolean;
  children: ReactNode;
}) {
  return (
    <a href={href} className={`button button-${tone} ${small ? 'button-small' : ''}`}>
      {Icon !== undefined && <Icon size={14} aria-hidden="true" />}
      <span>{children}</span>
    </a>
  );
}
