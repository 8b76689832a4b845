import type { Locator, Page } from '@playwright/test';
import { expect } from './journey.ts';

const MOST_TABS = 90;

/** Says what is wrong with where the focus is, or nothing when it can be seen. */
function focusTrouble(): string | undefined {
  const element = document.activeElement;
  if (element === null || element === document.body) return 'nothing has the focus';
  const name = `${element.tagName} ${element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 40) ?? ''}`;
  const ringed = (one: Element): boolean => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
    return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1) || boxShadow !== 'none';
  };
  // A control that is drawn by its label, or by the box around it, shows the focus there.
  const drawn = [element, element.closest('label'), element.parentElement].filter((one) => one !== null);
  if (!drawn.some(ringed)) return `${name}: no ring`;
  const { left, top, right, bottom, width, height } = element.getBoundingClientRect();
  if (width === 0 || height === 0) return `${name}: has no size`;
  if (right <= 0 || bottom <= 0 || left >= window.innerWidth || top >= window.innerHeight) return `${name}: outside of the window`;
  return undefined;
}

/** The window as a person without a mouse uses it. Where the focus is must be visible after every step. */
export async function createKeyboard(page: Page) {
  let presses = 0;
  let pointers = 0;
  await page.exposeFunction('quarterdeckPointer', () => {
    pointers += 1;
  });
  await page.addInitScript(() => {
    const told = (window as unknown as { quarterdeckPointer: () => void }).quarterdeckPointer;
    window.addEventListener('pointerdown', () => told(), true);
  });
  const isFocused = (target: Locator): Promise<boolean> =>
    target.evaluateAll((found) => found.length === 1 && found[0] === document.activeElement);

  return {
    async press(...keys: readonly string[]) {
      for (const key of keys) {
        await page.keyboard.press(key);
        presses += 1;
      }
    },
    /** Tabs until the target has the focus; every stop on the way must show it. */
    async tabTo(target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab') {
      await expect(target).toBeVisible();
      await expect(target).toBeEnabled();
      const stops: string[] = [];
      for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
        if (await isFocused(target)) break;
        await this.press(key);
        const trouble = await page.evaluate(focusTrouble);
        // Between the last stop and the first one the focus is the browser's own.
        if (trouble !== undefined && trouble !== 'nothing has the focus') stops.push(trouble);
      }
      expect(stops, 'stops without a visible focus').toEqual([]);
      await expect(target).toBeFocused();
      expect(await page.evaluate(focusTrouble)).toBeUndefined();
    },
    async enter(target: Locator) {
      await this.tabTo(target);
      await this.press('Enter');
    },
    async type(text: string) {
      await page.keyboard.type(text);
    },
    /** Gives a command by some of its letters. */
    async command(words: string) {
      await this.press('ControlOrMeta+k');
      const palette = page.getByRole('dialog', { name: 'Command palette' });
      await expect(palette.getByRole('combobox')).toBeFocused();
      await this.type(words);
      await this.press('Enter');
      await expect(palette).toBeHidden();
    },
    /** True as long as no button of a mouse was pressed. */
    untouched: () => pointers === 0 && presses > 0,
  };
}
