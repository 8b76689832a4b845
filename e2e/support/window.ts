import type { Locator, Page } from '@playwright/test';
import { expect, textOf } from './journey.ts';

export type Section = 'Overview' | 'Logs' | 'Backups' | 'Runs' | 'Rehearsals' | 'Journal';

/** The window as a person with a mouse uses it. */
export function createWindow(page: Page) {
  const button = (name: string | RegExp): Locator => page.getByRole('button', { name, exact: typeof name === 'string' });
  const dialog = page.getByRole('dialog');
  const backups = page.getByRole('grid', { name: 'Backups' });

  return {
    button,
    dialog,
    backups,
    verdict: page.getByRole('region', { name: 'Overall health' }),
    /** How the run on the screen stands. */
    result: page.getByRole('status', { name: 'How it stands' }),
    step: (title: string | RegExp): Locator => page.getByRole('list', { name: 'Steps' }).getByRole('listitem', { name: title }),

    /** Opens the address that the host printed; the token must leave the address bar. The desktop's window is open already. */
    async open(url: string) {
      const served = url.startsWith('http:');
      if (served) await page.goto(url);
      await expect(page.getByRole('navigation', { name: 'Quarterdeck' })).toBeVisible();
      // The desktop's window has an address of its own, and no token.
      if (served) expect(page.url()).not.toContain(new URL(url).hash.slice(1));
    },
    async tryDemo() {
      await button('Try the demo').click();
      await expect(page.getByRole('heading', { level: 1, name: 'Demo' })).toBeVisible();
      await this.isHealthy();
    },
    async isHealthy() {
      await expect(this.verdict.getByRole('heading', { name: 'Healthy' })).toBeVisible({ timeout: 45_000 });
    },
    async go(section: Section) {
      const link = page.getByRole('navigation', { name: 'Environment sections' }).getByRole('link', { name: section });
      await link.click();
      await expect(link).toHaveAttribute('aria-current', 'page');
    },
    /** Has the chosen backup verified; gives what the console says of it. */
    async verify(where: 'On the server' | 'Here, from a copy'): Promise<'good' | 'bad'> {
      const panel = page.getByRole('complementary', { name: 'Backup details' });
      await panel.getByRole('button', { name: 'Verify' }).click();
      await page.getByRole('menuitem', { name: where }).click();
      const said = panel.getByRole('status').filter({ hasText: /This backup is (good|NOT valid)\./ });
      await expect(said).toBeVisible();
      return (await textOf(said)).includes('NOT valid') ? 'bad' : 'good';
    },
    /** Chooses the newest backup after the first `skip` rows that the server calls good. Gives its name. */
    async chooseGood(skip: number): Promise<string> {
      const rows = backups.getByRole('row');
      await expect(rows.nth(1)).toBeVisible();
      const count = await rows.count();
      for (let place = skip + 1; place < count; place += 1) {
        await rows.nth(place).click();
        await expect(rows.nth(place)).toHaveAttribute('aria-selected', 'true');
        if ((await this.verify('On the server')) === 'good') return await this.chosenName();
      }
      throw new Error('no good backup');
    },
    chosenName: () => textOf(page.getByRole('complementary', { name: 'Backup details' }).locator('code').first()),
    /** From the chosen backup to the last stage of the wizard. */
    async prepareRestore() {
      await button('Restore…').click();
      await expect(page.getByRole('heading', { name: 'Restore a backup: the plan' })).toBeVisible();
      await expect(page.getByRole('list', { name: 'Steps of the plan' }).getByRole('heading')).toHaveCount(7);
      await button('Continue to preflight').click();
      await expect(page.getByRole('list', { name: 'Preflight checks' })).toBeVisible();
      await button('Continue to confirm').click();
      await expect(page.getByRole('heading', { name: 'Restore a backup: confirm' })).toBeVisible();
    },
    async hasRun(state: 'Succeeded' | 'Reverted' | 'Interrupted' | 'Paused' | 'Cancelled' | 'Failed', timeout = 60_000) {
      await expect(page.locator('.run-head').getByText(state, { exact: true })).toBeVisible({ timeout });
    },
    /** Reverts the run on the screen and waits for its end. */
    async revert(typedName?: string) {
      await button('Revert').click();
      if (typedName !== undefined) await dialog.getByLabel('Environment name').fill(typedName);
      await dialog.getByRole('button', { name: 'Revert run' }).click();
      await expect(dialog).toBeHidden();
      await this.hasRun('Reverted');
    },
    async verifyJournal() {
      await button('Verify journal').click();
      await expect(page.getByRole('status').filter({ hasText: 'The journal is whole' })).toBeVisible();
    },
  };
}
