const isMac = typeof navigator !== 'undefined' && /mac/i.test(navigator.platform);

const names: Readonly<Record<string, string>> = {
  mod: isMac ? '⌘' : 'Ctrl',
  shift: isMac ? '⇧' : 'Shift',
  alt: isMac ? '⌥' : 'Alt',
  enter: '↵',
  escape: 'Esc',
  home: 'Home',
  end: 'End',
  arrowup: '↑',
  arrowdown: '↓',
};

/** Splits `g o` and `mod+k` into the caps to draw. */
export function keyCaps(keys: string): string[] {
  return keys.split(/[ +]/).map((key) => names[key] ?? (key.length === 1 ? key.toUpperCase() : key));
}

/** A shortcut, drawn. Hidden from screen readers: the command's name says what it does. */
export function Kbd({ keys }: { keys: string }) {
  const caps = keyCaps(keys);
  return (
    <span className="kbd" aria-hidden="true">
      {caps.map((cap, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the caps of one shortcut never change their order
        <kbd key={place}>{cap}</kbd>
      ))}
    </span>
  );
}
