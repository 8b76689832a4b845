import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { Facts } from '../../../engine/action.ts';
import type { Life } from './life.ts';
import { isDown } from './life.ts';
import type { ServiceView } from './observe.ts';
import { ContainerName } from './ref.ts';

/** Stands for nothing in a line of facts. */
export const NONE = 'none';

/** One service's part of the facts: `web sha256:… shop-web:live running`, by which the way back is known. */
export interface Former {
  /** Service of the project; the container's name otherwise. */
  readonly name: string;
  readonly container: string;
  readonly image: string;
  readonly tag: string;
  readonly policy: string;
  readonly was: 'ran' | 'looped' | 'down';
}

/** What is in place now, one for each service. */
export function formers(view: ServiceView): Former[] {
  const seen = new Set<string>();
  return view.lives.flatMap((life): Former[] => {
    const name = life.service ?? life.name.replace(/^container /, '');
    if (seen.has(name)) return [];
    seen.add(name);
    const { image } = life;
    return [
      {
        name,
        container: life.id === '' ? NONE : life.id,
        image: image?.id ?? NONE,
        tag: image?.tag ?? NONE,
        policy: life.policy ?? 'no',
        was: isDown(life) ? 'down' : life.state === 'restarting' ? 'looped' : 'ran',
      },
    ];
  });
}

const formerText = (list: readonly Former[]) =>
  list.map(({ name, container, image, tag, policy, was }) => [name, container, image, tag, policy, was].join(' ')).join('|');

const FormerLine = z.tuple([ContainerName, z.string(), z.string(), z.string(), z.string(), z.enum(['ran', 'looped', 'down'])]);

/** Reads what was recorded. @throws Problem when it is not what was written */
export function parseFormers(text: string | undefined): Former[] {
  if (text === undefined || text === '') return [];
  return text.split('|').map((line) => {
    const checked = FormerLine.safeParse(line.split(' '));
    if (!checked.success) throw new Problem('internal-error', 'What was recorded of the former containers can’t be read.');
    const [name, container, image, tag, policy, was] = checked.data;
    return { name, container, image, tag, policy, was };
  });
}

/** Its text; empty for none. */
export const given = (text: string) => (text === NONE ? '' : text);

/** Facts of the former state, as a screen shows them. */
export function formerFacts(list: readonly Former[]): Facts {
  return {
    former: formerText(list),
    former_image: list.map(({ image }) => given(image)).join(' '),
    former_tag: list.map(({ tag }) => given(tag)).join(' '),
  };
}

/** True when each life is another container than before. */
export const replaced = (view: ServiceView, list: readonly Former[]) =>
  view.lives.every((life) => life.id !== '' && !list.some(({ container }) => container === life.id));
/** True when the former containers are in place and stand as they did. */
export const untouched = (view: ServiceView, list: readonly Former[]) =>
  view.lives.every((life) => list.some(({ container, was }) => container === (life.id || NONE) && (was === 'down') === isDown(life)));
/** A life that runs another image. */
export const wrongImage = (view: ServiceView, wanted: string) => view.lives.find((life): life is Life => life.image?.id !== wanted);
