import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { SshSession } from '../../../drivers/ssh/types.ts';
import type { ActionContext } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { look } from '../job.ts';
import { hostSpace } from '../space.ts';

/** A local image, by tag or by id. */
export const ImageName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$/, 'an image such as shop-web:v1');

/** One tag of an image on the host. */
export interface LocalImage {
  readonly tag: string;
  readonly id: string;
  /** As docker writes it. */
  readonly created: string;
}

const imageScript = `command -v docker >/dev/null 2>&1 || exit 41
docker image inspect --format 'id={{.Id}}
created={{.Created}}
size={{.Size}}' -- "$1"
`;
const listScript = `command -v docker >/dev/null 2>&1 || exit 41
docker image ls --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}} {{.CreatedAt}}' -- "$1" | head -n 200
`;
const rootScript = `docker info --format '{{.DockerRootDir}}'
`;

/** Which image a name leads to on this host; undefined when there is none. @throws Problem when that can't be told */
export async function findImage(
  session: SshSession,
  name: string,
): Promise<{ readonly id: string; readonly created: string; readonly bytes: number } | undefined> {
  const end = await look(session, { script: imageScript, args: [name] });
  if (end.exitCode === 1 && /No such image/i.test(end.stderr)) return undefined;
  const id = end.facts['id'] ?? '';
  if (end.exitCode !== 0 || !/^sha256:[0-9a-f]{64}$/.test(id))
    throw new Problem('remote-command-failed', `The engine does not tell which image ${name} is: ${plainLine(end.stderr, 200)}`);
  return { id, created: end.facts['created'] ?? '', bytes: Number(end.facts['size'] ?? 0) };
}

/** The image's name without its tag: `shop-web` of `shop-web:v1`. */
export const repository = (image: string) => image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');

/** The tags of a repository that are on the host, newest first. */
export async function localImages(session: SshSession, of: string): Promise<LocalImage[]> {
  const end = await look(session, { script: listScript, args: [of] });
  if (end.exitCode !== 0) throw new Problem('remote-command-failed', `The engine does not list its images: ${plainLine(end.stderr, 200)}`);
  return end.stdout
    .split('\n')
    .flatMap((line): LocalImage[] => {
      const match = /^(sha256:[0-9a-f]{64}) (\S{1,255}) (.{1,60})$/.exec(line);
      const [, id = '', tag = '', created = ''] = match ?? [];
      return match === null || tag.includes('<none>') ? [] : [{ tag: plainLine(tag, 255), id, created: plainLine(created, 60) }];
    })
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : a.tag.localeCompare(b.tag)));
}

/** `1bb654b2156e` */
export const shortId = (id: string) => id.replace(/^sha256:/, '').slice(0, 12);

/** Room in the engine's own folder for one more image of this size. */
export async function imageSpace(context: ActionContext, bytes: number): Promise<PreflightItem> {
  const session = await context.session();
  const end = await look(session, { script: rootScript });
  const folder = end.stdout.trim();
  if (end.exitCode !== 0 || !folder.startsWith('/'))
    return { id: 'space', title: 'Space on the host', verdict: 'unknown', detail: 'The engine does not tell where its data is.' };
  return hostSpace(session, folder, bytes);
}
