import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const Bounds = z.strictObject({ x: z.int(), y: z.int(), width: z.int().min(200).max(20_000), height: z.int().min(200).max(20_000) });

/** How the window was left. Device-independent pixels. */
export const WindowState = z.strictObject({ bounds: Bounds, maximized: z.boolean() });
export type WindowState = z.infer<typeof WindowState>;

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Enough of the window to take hold of. */
const GRIP = 120;

/** Whether a window at these bounds could be seen and moved on one of the displays. */
export function isVisible(bounds: Area, displays: readonly Area[]): boolean {
  return displays.some((display) => {
    const width = Math.min(bounds.x + bounds.width, display.x + display.width) - Math.max(bounds.x, display.x);
    // The title bar is at the top: that is what must be on the display.
    return width >= GRIP && bounds.y >= display.y - 8 && bounds.y <= display.y + display.height - GRIP / 2;
  });
}

/** How the window was left, unless that is unknown, unreadable or on a display that is gone. */
export function readWindowState(file: string, displays: readonly Area[]): WindowState | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const state = WindowState.parse(JSON.parse(text));
    return isVisible(state.bounds, displays) ? state : undefined;
  } catch {
    // A damaged file costs a remembered place, nothing more; it is written anew when the window closes.
    return undefined;
  }
}

/** Remembers how the window is. Throws when it can't be written. */
export function writeWindowState(file: string, state: WindowState): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
