import { useCallback, useState } from 'react';

/**
 * Where the focus was when the calling component came up, and the way back to it. Where that is gone, the keyboard goes on in the
 * screen. Radix only knows the way back to a trigger, and most of our dialogs are opened from elsewhere: by key, palette or menu.
 */
export function useReturnFocus(): () => void {
  const [before] = useState(() => document.activeElement);
  return useCallback(() => {
    const target =
      before instanceof HTMLElement && before.isConnected && before !== document.body ? before : document.getElementById('main');
    target?.focus();
  }, [before]);
}
