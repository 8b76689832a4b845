import type { ActionContext, SurveyItem } from '../../../engine/action.ts';
import type { Found } from './find-windows.ts';
import { findWindows } from './find-windows.ts';
import { Recovery } from './input.ts';
import { formatInstant } from './time.ts';
import { windowText } from './window.ts';

/** The windows in words, and why what is not in them is not. */
export function windowsText(found: Found): string {
  const words = found.windows.length === 0 ? ['Nothing can be recovered.'] : [...found.windows].reverse().map(windowText);
  return [
    ...words,
    ...found.refused.map(({ name, why }) => `${name} is not used: ${why}`),
    ...(found.live?.archiverTrouble === undefined ? [] : [found.live.archiverTrouble]),
  ].join(' ');
}

/** What can be chosen for `target` and `base`. */
export async function surveyWindows(context: ActionContext, given: Readonly<Record<string, unknown>>): Promise<SurveyItem[]> {
  const known = Object.fromEntries(Object.keys(Recovery.shape).flatMap((key) => (given[key] === undefined ? [] : [[key, given[key]]])));
  const input = Recovery.safeParse(known);
  if (!input.success) return [];
  const found = await findWindows(context, input.data);
  const [first] = found.windows;
  if (first === undefined) return [{ parameter: 'target', title: 'Recoverable times', detail: windowsText(found) }];
  return [
    {
      parameter: 'target',
      title: 'Recoverable times',
      detail: windowsText(found),
      min: formatInstant(first.from),
      max: formatInstant(Math.max(...found.windows.map(({ to }) => to))),
    },
    {
      parameter: 'base',
      title: 'Base backups',
      detail: 'Empty: the newest one before the target.',
      choices: [...found.windows].reverse().map((window) => ({ value: window.base.name, label: windowText(window) })),
    },
  ];
}
