import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from '../../contract/problem.ts';
import type { StackInfo } from '../../contract/stacks.ts';
import type { ActionRegistry } from '../engine/action.ts';
import type { LoadedStack } from './load.ts';
import { loadStack } from './load.ts';
import { MAX_STACK_BYTES } from './source.ts';

/** A stack file that could not be used, and why. */
export interface StackProblem {
  readonly file: string;
  readonly message: string;
}

/** The kinds of deployment this console knows. */
export interface Stacks {
  list(): { stacks: StackInfo[]; problems: StackProblem[] };
  /** @throws Problem `not-found` */
  get(id: string): LoadedStack;
  find(id: string): LoadedStack | undefined;
  /** Reads the folders again. */
  reload(): void;
}

/**
 * Loads the shipped stacks and the user's own (`*.yaml`, `*.yml`). A bad file is listed with its problem and hides no other;
 * a user's stack can't take the id of a shipped one.
 */
export function createStacks(options: { shippedFolder: string; userFolder: string; actions: ActionRegistry }): Stacks {
  let loaded = new Map<string, LoadedStack>();
  let problems: StackProblem[] = [];

  function reload(): void {
    const next = new Map<string, LoadedStack>();
    const found: StackProblem[] = [];
    for (const [folder, shipped] of [
      [options.shippedFolder, true],
      [options.userFolder, false],
    ] as const) {
      for (const file of stackFiles(folder)) {
        const path = join(folder, file);
        try {
          if (statSync(path).size > MAX_STACK_BYTES)
            throw new Problem('stack-invalid', `${file}: the file is longer than ${MAX_STACK_BYTES / 1024} KiB`);
          const stack = loadStack(file, readFileSync(path, 'utf8'), options.actions, shipped ? 'shipped' : path);
          const taken = next.get(stack.info.id);
          if (taken !== undefined)
            throw new Problem('stack-invalid', `${file}: the stack ${stack.info.id} is there already (${taken.info.source})`);
          next.set(stack.info.id, stack);
        } catch (error) {
          found.push({ file: shipped ? file : path, message: error instanceof Error ? error.message : String(error) });
        }
      }
    }
    loaded = next;
    problems = found;
  }

  reload();
  return {
    list: () => ({ stacks: [...loaded.values()].map(({ info }) => info), problems: [...problems] }),
    get(id) {
      const stack = loaded.get(id);
      if (stack === undefined)
        throw new Problem('not-found', `There is no stack ${id}.`, { hint: 'Its file may have a problem: see Settings › Stacks.' });
      return stack;
    },
    find: (id) => loaded.get(id),
    reload,
  };
}

function stackFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[^.].*\.ya?ml$/.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
