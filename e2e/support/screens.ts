import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect } from './journey.ts';

const folder = fileURLToPath(new URL('../screenshots/', import.meta.url));
const themes = ['light', 'dark'] as const;

/** Takes a picture of the screen in both themes and has axe look at it. What axe finds is said at the end, all together. */
export function createCamera(page: Page) {
  const found: string[] = [];
  return {
    async take(screen: string): Promise<void> {
      for (const theme of themes) {
        await page.emulateMedia({ colorScheme: theme });
        await page.screenshot({ path: `${folder}${theme}-${screen}.png`, animations: 'disabled', caret: 'hide' });
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const { id, impact, nodes } of violations) {
          if (impact !== 'serious' && impact !== 'critical') continue;
          for (const node of nodes)
            found.push(
              `${theme} ${screen}: ${impact} ${id}: ${node.target.join(' ')}: ${node.failureSummary?.replaceAll(/\s+/g, ' ') ?? ''}`,
            );
        }
      }
    },
    /** Nothing serious or critical on any of the screens taken. */
    expectNothingFound(): void {
      expect(found, 'serious and critical findings of axe').toEqual([]);
    },
  };
}
